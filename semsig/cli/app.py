"""The application: all commands, and the handling of errors."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from contextlib import suppress
from typing import Annotated, Any

import typer

from semsig import __version__
from semsig.cli import (
    demo,
    evaluation,
    export,
    finetuning,
    palette,
    photos,
    phrases,
    projections,
    publishing,
    searching,
    serving,
    training,
    upkeep,
)
from semsig.cli.console import answer_json, remark
from semsig.errors import SemsigError, SemsigWarning

EXIT_CODES = """Exit codes: 0 done; 1 an error, named on stderr; 2 wrong usage;
3 done, but files were skipped and --strict was given; 4 verify found damage; 130 interrupted."""

_INTERRUPTED = 130
_UsageError: Any = typer.BadParameter.__mro__[2]  # click's ClickException, wherever typer has it

app = typer.Typer(
    name="semsig",
    help="Find photos by what is where in them.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    photos.index,
    searching.search,
    palette.palette,
    photos.explain,
    photos.segment,
    upkeep.info,
    upkeep.verify,
    upkeep.remove,
    upkeep.compact,
    export.export,
    upkeep.trust,
    upkeep.sync,
    phrases.vocab,
    projections.pca,
    evaluation.evaluate,
    publishing.compare,
    evaluation.datasets,
    training.distill,
    finetuning.finetune,
    finetuning.onnx,
    serving.duplicates,
    serving.serve,
    demo.demo,
):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"semsig {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Find photos by what is where in them."""


def main() -> None:
    """Run the command line; errors of semsig and of files become one line and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # UTF-8 restores the bytes of names that are not Unicode; other encodings escape
            whole = stream.encoding.casefold().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if whole else "backslashreplace")
    _show_remarks_of_kernels()
    _show_remarks_of_label_maps()
    _show_warnings_as_remarks()
    try:
        try:
            _run()
        finally:
            _flush()
    except BrokenPipeError:
        sys.exit(0)  # the reader, such as head, has closed the pipe
    except SystemExit as done:
        # rich and typer exit with 1 themselves when the pipe is closed
        sys.exit(0 if isinstance(done.__context__, BrokenPipeError) else done.code)
    except (SemsigError, OSError) as error:
        remark(f"semsig: {_message(error)}")
        _answer_error(error, _message(error), 1)
        sys.exit(1)


def _run() -> None:
    """Run the command that is asked for and exit."""
    if "--json" not in sys.argv:
        app()
    try:
        sys.exit(app(standalone_mode=False))
    except _UsageError as error:
        error.show()
        _answer_error(error, error.format_message(), error.exit_code)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(_INTERRUPTED)


def _answer_error(error: Exception, message: str, code: int) -> None:
    """With --json, print an error as one JSON document instead of the answer."""
    if "--json" not in sys.argv:
        return
    with suppress(OSError):  # where nothing can be printed, stderr has said it
        answer_json({"error": message, "kind": type(error).__name__, "exit_code": code})
        _flush()


def _show_remarks_of_kernels() -> None:
    """Show on a terminal that kernels are being compiled, which takes a while."""
    if sys.stderr is not None and sys.stderr.isatty():
        logger = logging.getLogger("semsig.kernels")
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.INFO)


class _Remarks(logging.Handler):
    """Shows what is logged as a remark, control characters escaped."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record to stderr."""
        remark(record.getMessage())


def _show_remarks_of_label_maps() -> None:
    """Show warnings about label maps on disk."""
    logger = logging.getLogger("semsig.segment.files")
    if not any(isinstance(handler, _Remarks) for handler in logger.handlers):
        logger.addHandler(_Remarks())


def _show_warnings_as_remarks() -> None:
    """Let semsig's own warnings be read without the place in its code that they come from."""
    shown = warnings.showwarning

    def show(message: Any, category: Any, *rest: Any, **more: Any) -> None:
        if issubclass(category, SemsigWarning):
            remark(f"semsig: {message}")
        else:
            shown(message, category, *rest, **more)

    warnings.showwarning = show


def _flush() -> None:
    """Flush stdout; on failure discard its buffer, which would fail again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _message(error: SemsigError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
