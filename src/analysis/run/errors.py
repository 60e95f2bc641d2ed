"""What can go wrong, each with its exit code; a user's mistake is told in words, never as a traceback."""


class AnalysisError(Exception):
    """A failure with a message for people: what, where, what is allowed, what to do."""

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        """Show one sentence instead of a traceback in JupyterLab and in executed notebooks."""
        return [f"{type(self).__name__}: {self}"]


class UserError(AnalysisError):
    """A wrong parameter, setting or input file, or a folder that cannot be used."""

    exit_code = 2


class StepFailed(AnalysisError):
    """A notebook stopped before its end."""

    exit_code = 3


class GateFailed(AnalysisError):
    """A finished report broke a rule of publication."""

    exit_code = 4
