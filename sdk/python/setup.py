"""Builds the package; the protocol's code is made of feed.proto on the way, by grpcio-tools or else by the protoc on the PATH."""

import importlib.util
import pathlib
import subprocess
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent
PROTO = "binbus/feed/v1/feed.proto"


def compile_proto(into):
    include = HERE.parent / "proto"
    command = [sys.executable, "-m", "grpc_tools.protoc"] if importlib.util.find_spec("grpc_tools") else ["protoc"]
    subprocess.run([*command, f"--proto_path={include}", f"--python_out={into}", PROTO], check=True)


class BuildWithProto(build_py):
    def run(self):
        super().run()
        pathlib.Path(self.build_lib, "binbus").mkdir(parents=True, exist_ok=True)
        compile_proto(self.build_lib)


setup(cmdclass={"build_py": BuildWithProto})
