"""
What pyproject.toml cannot say: the C files of keywatch/native become one object when keywatch is built.

It has nothing of Python's ABI, so a wheel is for one platform and every Python 3. Where no compiler is found, or it
fails, keywatch is built without, which is slower and nothing else.
"""

import sys
from pathlib import Path

from setuptools import Command, Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build import build

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from keywatch.native import OBJECT  # noqa: E402 - found by the line above
from keywatch.native import build as kernel  # noqa: E402

ROOM = Path("keywatch", "native")


class Keywatch(Distribution):
    """What is built, and whether the kernel is in it."""

    has_kernel = False

    def has_ext_modules(self) -> bool:
        return self.has_kernel


class BuildKernel(Command):
    """Compiles the kernel; in an editable installation, beside its sources."""

    description = "compile the native kernel"
    user_options = [("build-lib=", "d", "directory to build in")]  # noqa: RUF012 - as setuptools declares it

    def initialize_options(self) -> None:
        self.build_lib: str | None = None
        self.editable_mode = False

    def finalize_options(self) -> None:
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self) -> None:
        into = ROOT if self.editable_mode else Path(self.build_lib or "")
        try:
            kernel.build(into / ROOM)
        except kernel.NotBuilt as error:
            self.warn(f"keywatch is built without its native kernel, and will scan more slowly: {error}")

    def get_source_files(self) -> list[str]:
        return [str(path.relative_to(ROOT)) for path in (ROOT / ROOM).glob("*.[ch]")]

    def get_outputs(self) -> list[str]:
        made = Path(self.build_lib or "") / ROOM / OBJECT
        return [str(made)] if made.exists() else []

    def get_output_mapping(self) -> dict[str, str]:
        return {}


class Build(build):
    """As setuptools builds, and the kernel."""

    sub_commands = [*build.sub_commands, ("build_kernel", None)]  # noqa: RUF012 - as setuptools declares it


class BdistWheel(bdist_wheel):
    """Names the wheel for what is in it: with the kernel it is for one platform, without for all."""

    def run(self) -> None:
        self.run_command("build")
        self.distribution.has_kernel = bool(self.get_finalized_command("build_kernel").get_outputs())
        self.root_is_pure = not self.distribution.has_kernel
        super().run()

    def get_tag(self) -> tuple[str, str, str]:
        _, _, system = super().get_tag()
        return "py3", "none", system


setup(distclass=Keywatch, cmdclass={"build": Build, "build_kernel": BuildKernel, "bdist_wheel": BdistWheel})
