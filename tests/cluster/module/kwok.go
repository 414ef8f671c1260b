package main

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/controllers"
	"sigs.k8s.io/kwok/pkg/utils/client"
)

// newKwokCommand plays nodes and pods. kwok's own command also links the kubelet's server (logs, exec),
// which wants a newer Kubernetes than ours; its controllers do not.
func newKwokCommand() *cobra.Command {
	var kubeconfig, stages, nodes, cidr string
	var lease uint
	command := &cobra.Command{
		Use:          "kwok",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			return runKwok(command.Context(), kubeconfig, stages, func(conf *controllers.Config) {
				conf.ManageNodesWithLabelSelector = nodes
				conf.CIDR = cidr
				conf.NodeLeaseDurationSeconds = lease
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	flags.StringVar(&stages, "stages", "", "file with the Stages of nodes and pods")
	flags.StringVar(&nodes, "nodes", "", "label selector of the nodes to play")
	flags.StringVar(&cidr, "cidr", "10.247.0.0/16", "where the pods get their addresses")
	flags.UintVar(&lease, "node-lease-seconds", 40, "duration of a node's lease, renewed at a quarter of it")
	return command
}

func runKwok(ctx context.Context, kubeconfig, stages string, adapt func(*controllers.Config)) error {
	conf, err := kwokConfig(ctx, kubeconfig, stages)
	if err != nil {
		return err
	}
	adapt(conf)
	controller, err := controllers.NewController(*conf)
	if err != nil {
		return err
	}
	if err := controller.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// kwokConfig is what every run has in common: clients, stages, kwok's default numbers of workers.
func kwokConfig(ctx context.Context, kubeconfig, stages string) (*controllers.Config, error) {
	restConfig, typed, err := kwokClients(kubeconfig)
	if err != nil {
		return nil, err
	}
	restClient, err := rest.RESTClientFor(restConfig)
	if err != nil {
		return nil, err
	}
	objects, err := config.Load(ctx, stages)
	if err != nil {
		return nil, err
	}
	byResource := map[internalversion.StageResourceRef][]*internalversion.Stage{}
	for _, stage := range config.FilterWithType[*internalversion.Stage](objects) {
		byResource[stage.Spec.ResourceRef] = append(byResource[stage.Spec.ResourceRef], stage)
	}
	options := config.GetKwokConfiguration(ctx).Options
	return &controllers.Config{
		ID:                        "kwok", // always the same: a restarted one gets its leases back at once
		TypedClient:               typed,
		RESTClient:                restClient,
		LocalStages:               byResource,
		PodPlayStageParallelism:   options.PodPlayStageParallelism,
		NodePlayStageParallelism:  options.NodePlayStageParallelism,
		NodeLeaseParallelism:      options.NodeLeaseParallelism,
		PodsOnNodeSyncParallelism: options.PodsOnNodeSyncParallelism,
	}, nil
}

func kwokClients(kubeconfig string) (*rest.Config, kubernetes.Interface, error) {
	clients, err := client.NewClientset("", kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	restConfig, err := clients.ToRESTConfig()
	if err != nil {
		return nil, nil, err
	}
	typed, err := kubernetes.NewForConfig(restConfig)
	return restConfig, typed, err
}
