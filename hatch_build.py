"""Compiles the short ways of `bridge`, which are C, while the package is built.

Without a compiler the package is built all the same: Python goes the long ways then,
which are slower (docs/performance.md says how much).
"""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

MODULES = (
    *("bridge.audio._fir", "bridge.call._sending", "bridge.stream._prediction"),
    *("bridge.load._incoming", "bridge.load._outgoing"),
)


class CompileShortWays(BuildHookInterface[Any]):
    """Adds what is compiled to a wheel, or to the folders of an editable install."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Compile; what can't be compiled is left out."""
        if self.target_name != "wheel" or os.environ.get("BRIDGE_NO_EXTENSION"):
            return
        extensions = [_extension(module) for module in MODULES]
        distribution = Distribution({"name": "mpc-bridge", "ext_modules": extensions})
        command = build_ext(distribution)
        command.inplace = True
        command.build_temp = str(Path(self.root, "build"))
        command.ensure_finalized()
        files = [Path(self.root, command.get_ext_filename(each)) for each in MODULES]
        for compiled in files:
            # One of another time must not stand in for one that cannot be made now.
            compiled.unlink(missing_ok=True)
        command.force = True
        command.run()
        for compiled in filter(Path.exists, files):
            build_data["artifacts"].append(f"/{compiled.relative_to(self.root)}")
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


def _extension(module: str) -> Extension:
    return Extension(
        module,
        [module.replace(".", "/") + ".c"],
        define_macros=[("Py_LIMITED_API", "0x030b0000")],
        extra_compile_args=["-O3"] if os.name == "posix" else ["/O2"],
        optional=True,
        py_limited_api=True,
    )
