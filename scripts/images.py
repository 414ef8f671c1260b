"""Build the images of this repository, as archives, and push them.

    python scripts/images.py build [NAME...]            a line `NAME REFERENCE ARCHIVE` each
    python scripts/images.py push REGISTRY [NAME...]    what follows `--` goes to the tool's own push

Built by docker, podman or buildah, whichever works (`--tool` or $AKID_IMAGE_TOOL). An archive is kept in the cache
as long as nothing it is made of changes. `--base` or $BASE is the image they begin with: by default a public one;
where no registry is reachable, one made of Debian's packages (by root, with debootstrap). $PIP_CERT: what
pip trusts in a build.
"""

from __future__ import annotations

import argparse
import os
import sys

from image_build import tools
from image_build.catalog import IMAGES, version, wanted
from image_build.store import Store, run, say


def parsed(argv: list[str]) -> argparse.Namespace:
    """What is asked for."""
    own, flags = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--tool", default=os.environ.get("AKID_IMAGE_TOOL", ""), help="docker, podman or buildah")
    common.add_argument("--base", default=os.environ.get("BASE", ""), help="the image they begin with")
    common.add_argument(
        "--pip-cert", default=os.environ.get("PIP_CERT", ""), help="certificates for pip in a build"
    )
    names = {"nargs": "*", "metavar": "NAME", "help": f"of {', '.join(IMAGES)}; all but the GPU's by default"}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", parents=[common], help="archives in the cache").add_argument("names", **names)
    push = commands.add_parser("push", parents=[common], help="to a registry; flags of the tool's push after --")
    push.add_argument("registry", help="host[:port][/path]")
    push.add_argument("names", **names)
    options = parser.parse_args(own)
    options.flags = flags
    return options


def main(argv: list[str]) -> None:
    """Do what is asked for."""
    options = parsed(argv)
    order = wanted(options.names)
    store = Store(tools.find(options.tool), options.base, options.pip_cert)
    for name in order:
        archive = store.archive(name)
        if options.command == "build":
            print(name, IMAGES[name].reference(version()), archive, flush=True)
    for name in (options.names or order) if options.command == "push" else ():
        destination = f"{options.registry.rstrip('/')}/{IMAGES[name].repository(version())}"
        for command in tools.push(store.tool, store.loaded(name), destination, options.flags):
            run(command)
        say(f"pushed {destination}")
        print(destination, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
