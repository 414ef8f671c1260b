"""The configuration files of what runs on a node, as data.

They suit a machine without systemd and without CAP_SYS_RESOURCE, where no hard limit can be raised and
`oom_score_adj` cannot go below 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

API = "10.254.66.1"
SERVICES = "10.96.0.0/16"
DNS = "10.96.0.10"
PODS = "10.246.0.0/16"
PAUSE = "localhost/akid-e2e-base:1"


def node_name(index: int) -> str:
    """Of the first node node-a, and so on."""
    return f"node-{'abcdefgh'[index]}"


@dataclass(frozen=True)
class NodePlan:
    """Where the parts of a node are.

    Args:
        index: of the node: gives it its addresses.
        cgroup: its cgroup, from the hierarchies' root.
        disk: its directory, on no overlay: containerd's snapshots could not lie on that.
        run: its directory of sockets, whose paths must be short.
    """

    index: int
    cgroup: str
    disk: Path
    run: Path

    @property
    def name(self) -> str:
        return node_name(self.index)

    @property
    def address(self) -> str:
        return f"10.254.66.{11 + self.index}"

    @property
    def bridge(self) -> str:
        return f"pods-{self.index}"

    @property
    def gateway(self) -> str:
        return f"10.246.{self.index}.1/24"

    @property
    def socket(self) -> Path:
        return self.run / "containerd.sock"

    @property
    def cni(self) -> Path:
        return self.disk / "cni"

    @property
    def registries(self) -> Path:
        """A directory for each registry of its own authority, with its certificate."""
        return self.disk / "registries"


def kubelet(node: NodePlan, resolv: Path) -> dict[str, Any]:
    """Its API takes anyone: nobody but the API server and the pods is in this network."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": node.cgroup,
        "oomScoreAdj": 0,
        "maxOpenFiles": 20000,
        "containerRuntimeEndpoint": f"unix://{node.socket}",
        "failSwapOn": False,
        "address": node.address,
        "healthzBindAddress": node.address,
        "readOnlyPort": 0,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS],
        "resolvConf": str(resolv),
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {},
    }


def cni(node: NodePlan) -> dict[str, Any]:
    """Pods on a bridge of the node. Masquerading is left to one rule of ours: pods see each other's addresses."""
    ranges = [[{"subnet": f"10.246.{node.index}.0/24"}]]
    bridge = {
        "type": "bridge",
        "bridge": node.bridge,
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}]},
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": node.name, "plugins": [bridge, ports]}


def containerd(node: NodePlan) -> str:
    """TOML. Without `restrict_oom_score_adj` every sandbox fails here."""
    return f"""version = 2
oom_score = 0
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{node.cni}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{node.registries}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{node.disk}/opt"
"""


def kube_proxy(kubeconfig: Path, node: str) -> dict[str, Any]:
    """One for all nodes: they are in one network namespace. It leaves the limits of connection tracking alone."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "hostnameOverride": node,
        "bindAddress": API,
        "healthzBindAddress": f"{API}:10256",
        "metricsBindAddress": f"{API}:10249",
        "clusterCIDR": PODS,
        "nodePortAddresses": ["10.254.66.0/24"],
        "oomScoreAdj": 0,
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def corefile(kubeconfig: Path, kept_seconds: int = 30) -> str:
    """As kubeadm sets it up (answers are kept for 30 s), but other names do not exist: there is no way out.

    `template` is in a block of its own: it stands before `kubernetes` in CoreDNS's fixed order.

    Args:
        kubeconfig: of CoreDNS's own user.
        kept_seconds: 0 to look up every name anew.
    """
    cache = f"cache {kept_seconds}" if kept_seconds else ""
    return f"""cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {{
    bind {API}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig} test
        pods insecure
        ttl {kept_seconds}
    }}
    {cache}
}}
.:53 {{
    bind {API}
    errors
    ready {API}:8181
    template ANY ANY . {{
        rcode NXDOMAIN
    }}
}}
"""


DNS_OBJECTS: list[tuple[str, dict[str, Any]]] = [
    (
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        {
            "metadata": {"name": "system:coredns"},
            "rules": [
                {
                    "apiGroups": [""],
                    "resources": ["services", "pods", "namespaces"],
                    "verbs": ["list", "watch"],
                },
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
            ],
        },
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        {
            "metadata": {"name": "system:coredns"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:coredns",
            },
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:coredns"},
            ],
        },
    ),
    (
        "/api/v1/namespaces/kube-system/services",
        {
            "metadata": {"name": "kube-dns"},
            "spec": {
                "clusterIP": DNS,
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
                ],
            },
        },
    ),
    (
        "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices",
        {
            "metadata": {"name": "kube-dns-1", "labels": {"kubernetes.io/service-name": "kube-dns"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [API]}],
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP"},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
            ],
        },
    ),
]
