"""A kernel between the walls: what the grader says to it and hears from it are messages, never objects."""

from __future__ import annotations

from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from traitlets import Any, Instance

from he_helpers.classroom.sandbox.command import STANDARD, sandboxed
from he_helpers.lab.stage.role_kernels.kernels import CourseKernel

# What is printed is sent every fifth of a second otherwise. A loop that prints without end, as it happens, makes a
# hundred megabytes in that time, all of which whoever grades has to read before it is too much.
_SMALL_MESSAGES = "__import__('sys').stdout.flush_interval = 0.01"


class SandboxedKernel(CourseKernel):
    """This interpreter's kernel, in a sandbox. `shared` holds its connection file and its sockets."""

    shared = Instance(Path)
    limits = Any(STANDARD)

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        command = [*super().format_kernel_cmd(extra_arguments), f"--IPKernelApp.exec_lines={_SMALL_MESSAGES}"]
        return sandboxed(command, self.shared, self.limits)

    @property
    def kernel_spec(self) -> KernelSpec | None:
        spec = super().kernel_spec
        if spec is not None:
            # A signal would reach bubblewrap and end it; at this message the kernel sends a signal to itself.
            spec.interrupt_mode = "message"
        return spec
