"""The command lines of the components."""

from dataclasses import dataclass
from pathlib import Path

#: What makes a minor schedule gangs by its own PodGroups, off by default: feature gates, and versions of the API.
OWN_GANGS = {
    "1.36": ("GenericWorkload=true,GangScheduling=true", "scheduling.k8s.io/v1alpha2=true"),
    "1.37": ("GenericWorkload=true", "scheduling.k8s.io/v1beta1=true"),
}


@dataclass(frozen=True)
class Layout:
    """Where the programs and the files of one cluster are, its Kubernetes, address and two ports."""

    programs: Path
    directory: Path
    etcd_port: int
    api_port: int
    address: str = "127.0.0.1"
    minor: str = ""

    @property
    def own_gangs(self) -> list[str]:
        """Flags of the components that schedule gangs."""
        return [f"--feature-gates={OWN_GANGS[self.minor][0]}"] if self.minor in OWN_GANGS else []

    @property
    def url(self) -> str:
        """Of the API server."""
        return f"https://{self.address}:{self.api_port}"

    @property
    def etcd(self) -> str:
        """Of etcd."""
        return f"http://{self.address}:{self.etcd_port}"

    @property
    def authority(self) -> Path:
        """The API server's certificate, made by itself, followed by its authority's."""
        return self.directory / "tls" / "apiserver.crt"

    @property
    def signing_key(self) -> Path:
        """Of service account tokens."""
        return self.directory / "service-accounts.key"

    @property
    def tokens(self) -> Path:
        """The API server's table of the tokens of the components."""
        return self.directory / "tokens.csv"

    def kubeconfig(self, user: str) -> Path:
        """Of a component."""
        return self.directory / f"{user.replace(':', '-')}.kubeconfig"

    @property
    def stages(self) -> Path:
        """What the fake nodes do with pods."""
        return self.directory / "stages.yaml"

    def program(self, name: str) -> str:
        """A program's path."""
        return str(self.programs / name)


def etcd(at: Layout) -> list[str]:
    """A single member; its peer port is any, because nobody calls it."""
    return [
        at.program("etcd"),
        f"--data-dir={at.directory / 'etcd'}",
        f"--listen-client-urls={at.etcd}",
        f"--advertise-client-urls={at.etcd}",
        "--listen-peer-urls=http://127.0.0.1:0",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver(at: Layout, eviction_seconds: int) -> list[str]:
    """RBAC on, real TLS by a certificate that it makes for itself and keeps over a restart."""
    return [
        at.program("kube-apiserver"),
        f"--etcd-servers={at.etcd}",
        f"--bind-address={at.address}",
        f"--advertise-address={at.address}",
        f"--secure-port={at.api_port}",
        # Pods reach it by the service `kubernetes`, whose endpoint must not be a loopback address.
        *(["--endpoint-reconciler-type=none"] if at.address.startswith("127.") else []),
        "--kubelet-preferred-address-types=InternalIP",
        f"--cert-dir={at.directory / 'tls'}",
        f"--token-auth-file={at.tokens}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={at.signing_key}",
        f"--service-account-signing-key-file={at.signing_key}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",  # as kubeadm has it
        f"--default-not-ready-toleration-seconds={eviction_seconds}",
        f"--default-unreachable-toleration-seconds={eviction_seconds}",
        *at.own_gangs,
        *([f"--runtime-config={OWN_GANGS[at.minor][1]}"] if at.minor in OWN_GANGS else []),
    ]


def controller_manager(at: Layout, node_grace_seconds: int) -> list[str]:
    """Every controller with its own service account, as kubeadm sets it up."""
    return [
        at.program("kube-controller-manager"),
        f"--kubeconfig={at.kubeconfig('system:kube-controller-manager')}",
        f"--service-account-private-key-file={at.signing_key}",
        f"--root-ca-file={at.authority}",
        "--use-service-account-credentials",
        *at.own_gangs,
        "--leader-elect=false",
        "--secure-port=0",
        f"--node-monitor-grace-period={node_grace_seconds}s",
        # The default is 5 s. Each time, every pod of every node is looked at.
        f"--node-monitor-period={max(1, node_grace_seconds // 10)}s",
        "--kube-api-qps=500",  # a test's cluster must not be what a test waits for
        "--kube-api-burst=1000",
    ]


def scheduler(at: Layout) -> list[str]:
    """The default profile."""
    return [
        at.program("kube-scheduler"),
        f"--kubeconfig={at.kubeconfig('system:kube-scheduler')}",
        *at.own_gangs,
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]


def kwok(at: Layout, node_selector: str, node_grace_seconds: int) -> list[str]:
    """The nodes and the pods on them."""
    return [
        at.program("kwok"),
        f"--kubeconfig={at.kubeconfig('akid:kwok')}",
        f"--stages={at.stages}",
        f"--nodes={node_selector}",
        f"--node-lease-seconds={node_grace_seconds}",
    ]
