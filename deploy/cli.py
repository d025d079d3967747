# SPDX-License-Identifier: Apache-2.0
"""The `daicho` command.

Exit codes: 0 done, 1 done but with something a person must look at, 2 wrong use or bad input,
3 not permitted, 4 could not finish (what was seen is kept).
Only the module of the command that is called is loaded, so that an agent needs no web server
and a collector no packet library.
"""

import io
import os
import sys
import traceback

import typer

from deploy import commands
from deploy.by_place import check_word, load_from, names_in
from deploy.terminal import complain

_WRONG_USE, _NOT_PERMITTED, _UNFINISHED = 2, 3, 4
_CUT_SHORT = 1  # the reader of our output went away, as with `| head`; typer gives the same
_INTERRUPTED = 130  # what typer gives for Ctrl-C
_DETAILS = "DAICHO_DETAILS"  # set it to see where a fault of ours came from


def command_line(wanted: str = "", part: str = "") -> typer.Typer:
    """Make the command line: with the one command that is wanted (and of it one part), or with all installed."""
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="台帳: 院内網の機器と外からの道を調べ、機器台帳を作ります / learns what is on a hospital's network",
        epilog="まず: daicho doctor、次に daicho scan 192.168.1.0/24 / first doctor, then scan",
    )
    app.callback()(_root)
    for name, module in load_from(commands, wanted, "daicho").items():
        if hasattr(module, "group"):
            app.add_typer(module.group(part if name == wanted else ""), name=name)
        else:
            app.command(name=name, context_settings=getattr(module, "SETTINGS", None))(module.command)
    return app


def command_names() -> list[str]:
    """The commands, found by place: one file of deploy/commands each."""
    return names_in(commands)


def _root() -> None:
    pass


def main() -> None:
    """Run the command line; whatever goes wrong becomes two sentences and an exit code, never a traceback."""
    _write_what_can_be_written()
    try:
        code = _run(*[*sys.argv[1:3], "", ""][:2])
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go_of_output()
        code = _CUT_SHORT
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except Exception as error:
        code = _explain(error)
    if code == _INTERRUPTED:
        complain("中断しました。見たものは保存されています。", "Interrupted. What was seen is kept.")
        code = _UNFINISHED
    sys.exit(code)


def _run(wanted: str, part: str) -> int:
    check_word(wanted, command_names(), "命令", "command")
    return int(command_line(wanted, part)(standalone_mode=False, prog_name="daicho") or 0)


def _explain(error: Exception) -> int:
    """Tell a person what went wrong; gives the exit code."""
    if hasattr(error, "ja") and hasattr(error, "en"):
        complain(error.ja, error.en)
        if getattr(error, "unfinished", False):
            return _UNFINISHED
        return _WRONG_USE if getattr(error, "permitted", True) else _NOT_PERMITTED
    if hasattr(error, "format_message"):  # typer's own: an option or argument that is wrong
        return _explain_usage(error)
    if os.environ.get(_DETAILS):
        traceback.print_exception(error)
    kind = type(error).__name__
    complain(
        f"思わぬ誤り（{kind}）で最後までできませんでした。見たものは保存されています。もう一度実行し、"
        f"続くときは {_DETAILS}=1 を付けて実行した表示を開発元へ送ってください。",
        f"An unexpected fault of ours ({kind}). What was seen is kept. Run it again; if it stays, send the "
        f"developers what {_DETAILS}=1 shows.",
    )
    return _UNFINISHED


def _explain_usage(error: Exception) -> int:
    message = str(getattr(error, "format_message")())  # noqa: B009 - typer does not export its class
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(message.rstrip() + "\n")
        return _WRONG_USE
    wrong = getattr(error, "option_name", None) or getattr(error, "param_hint", None)
    what = f"「{str(wrong)[:60]}」の指定" if wrong else "指定"
    complain(
        f"{what}に誤りがあります。{_called(error)} --help で書き方を確かめてください。何も送信していません。",
        f"{message[:300].rstrip('.')}. See --help. Nothing was sent.",
    )
    return _WRONG_USE


def _called(error: Exception) -> str:
    """Give the command with its part, as it was called: daicho load config."""
    context = getattr(error, "ctx", None)
    return str(getattr(context, "command_path", "")) or " ".join(["daicho", *sys.argv[1:2]])


def _write_what_can_be_written() -> None:
    """A terminal that cannot show a character shows a question mark instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _let_go_of_output() -> None:
    """Point stdout nowhere, so that the interpreter's last flush does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
