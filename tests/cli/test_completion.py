"""Shells complete what there is to type: commands, options, and names that the store knows; and never complain."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import click
import pytest
from click.shell_completion import get_completion_class
from click.testing import CliRunner

from calsignal.cli import cli
from calsignal.cli.app import App
from calsignal.cli.completion import KNOWN, VARIABLE
from calsignal.model import Account, Deal
from calsignal.store import open_store
from fake_provider import EPOCH

ROOT = Path(__file__).parents[2]
NAMES = (
    "Alder & Pike",
    "Alpha $HOME `id`",
    "Aldous; echo hi",
    "Böhm, Sons",
    'The "Inn"',
    "*",
    "Hidden\x1b[31m",
    "O'Neil",
    "Wow!",
)
REPS = ("rep@ours.example", "robin@ours.example")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a config, a store with names that are hard to type, and the program on its path."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "config.toml").write_text(
        '[team]\ndomains = ["ours.example"]\n[teams]\nNorth = ["rep@ours.example"]\n[delivery]\nteam = ["sales-chat"]\n'
    )
    with open_store(folder / "store.db") as store:
        store.save_accounts([Account(name, (f"a{n}.example",)) for n, name in enumerate(NAMES)])
        for rep in REPS:
            store.connect(f"google:{rep}", "google", rep, {}, EPOCH)
        store.import_deals([Deal(f"006-{n}", "Rollout", "Alpha", REPS[0]) for n in (11, 12, 21)], EPOCH, "crm")
    (folder / "bin").mkdir()
    program = folder / "bin" / "calsignal"
    program.write_text(f"#!{sys.executable}\nfrom calsignal.cli import main\nmain()\n")
    program.chmod(0o755)
    return folder


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CALSIGNAL", "COMP_"))}
    return kept | {
        "HOME": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "providers")]),
        "CALSIGNAL_CONFIG": str(home / "config.toml"),
        "CALSIGNAL_DATABASE_URL": f"sqlite:///{home / 'store.db'}",
        "LC_ALL": "C.UTF-8",
        **more,
    }


def shell(name: str) -> str:
    """Return where a shell is; bash has to be there in CI, the others may be missing."""
    found = shutil.which(name)
    if found is None and name == "bash" and os.environ.get("CI"):
        pytest.fail("bash is not installed")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(scope="module")
def scripts() -> Mapping[str, str]:
    """Return what `completion` prints for each shell."""
    return {name: CliRunner().invoke(cli, ["completion", name]).stdout for name in ("bash", "zsh", "fish")}


# --- bash: what the program answers -----------------------------------------------------------------------------------


class Bash(Protocol):
    def __call__(self, line: str, piece: str, **more: str) -> list[str]: ...


@pytest.fixture
def bash(home: Path, monkeypatch: pytest.MonkeyPatch) -> Bash:
    """Return what completes a line for bash, which says what piece of it is to be replaced."""

    def completed(line: str, piece: str, **more: str) -> list[str]:
        for name, value in {**environment(home), "COMP_LINE": line, "COMP_CUR": piece, **more}.items():
            monkeypatch.setenv(name, value)
        made = get_completion_class("bash")(cli, {}, "calsignal", VARIABLE)
        return [text.removeprefix("plain,") for text in made.complete().splitlines()]

    return completed


def test_bash_completes_commands_options_and_files(bash: Bash) -> None:
    assert set(bash("calsignal acc", "acc")) == {"account", "accounts"}
    assert bash("calsignal accounts su", "su") == ["suggest"]
    assert "--as-of" in bash("calsignal digest --", "--")
    assert bash("calsignal export led", "led") == ["ledger"]
    assert bash("calsignal deals import op", "op") == ["file,op"]


def test_bash_gets_names_that_are_safe_to_run(bash: Bash) -> None:
    names = bash("calsignal account al", "al")

    assert sorted(names) == [r"Alder\ \&\ Pike", r"Aldous\;\ echo\ hi", r"Alpha\ \$HOME\ \`id\`"]
    run = [shell("bash"), "-c", f"printf '%s\n' {' '.join(names)}"]
    assert set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()) <= set(NAMES)
    assert bash('calsignal account "Alp', "Alp") == [r"Alpha \$HOME \`id\`"]
    assert bash("calsignal account 'Alp", "Alp") == ["Alpha $HOME `id`"]
    assert bash(r"calsignal account Alder\ ", r"Alder\ ") == [r"Alder\ \&\ Pike"]
    assert bash("calsignal account '", "")[-1] != "O'Neil"
    assert bash('calsignal account "Wow', "Wow") == []
    assert r"\*" in bash("calsignal account ", "")
    assert not [name for name in bash("calsignal account ", "") if "Hidden" in name]


def test_bash_takes_a_word_apart_at_a_colon_and_gets_the_rest(bash: Bash) -> None:
    assert bash("calsignal sync goo", "goo") == [f"google:{rep}" for rep in REPS]
    assert bash("calsignal sync google:", "") == list(REPS)
    assert bash("calsignal sync google:ro", "ro") == ["robin@ours.example"]
    assert bash("calsignal sync google:robin@", "") == ["ours.example"]


def test_reps_teams_and_deals_are_completed(bash: Bash) -> None:
    assert bash("calsignal digest --rep r", "r") == list(REPS)
    assert bash("calsignal digest --rep=ro", "ro") == ["robin@ours.example"]
    assert bash("calsignal audit --team ", "") == ["North"]
    assert bash("calsignal deals list 006-1", "006-1") == ["006-11", "006-12"]
    assert bash("calsignal disconnect google:rep@", "") == ["ours.example"]
    assert bash("calsignal deliver test s", "s") == ["sales-chat"]


def test_a_store_or_a_config_that_is_not_there_is_no_reason_to_speak(
    bash: Bash, capfd: pytest.CaptureFixture[str]
) -> None:
    assert bash("calsignal account al", "al", CALSIGNAL_DATABASE_URL="sqlite:////nowhere/store.db") == []
    assert bash("calsignal account al", "al", CALSIGNAL_CONFIG="/nowhere/config.toml") == []
    assert bash("calsignal connect nothing ", "") == []
    assert capfd.readouterr() == ("", "")
    assert not Path("/nowhere").exists()


def test_the_config_that_is_named_on_the_line_is_used(bash: Bash, home: Path) -> None:
    (home / "other.toml").write_text('[team]\ndomains = ["ours.example"]\n[teams]\nSouth = ["rep@ours.example"]\n')

    assert bash(f"calsignal --config {home / 'other.toml'} audit --team ", "") == ["South"]


# --- real shells ------------------------------------------------------------------------------------------------------


def typed(home: Path, command: list[str], keys: bytes, until: bytes) -> bytes:
    """Type into a shell at a terminal; return what it showed, once it shows what is waited for."""
    ours, theirs = pty.openpty()
    environ = environment(home, TERM="dumb", PS1="$ ", HISTFILE="")
    seen = b""
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, cwd=home, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            os.write(ours, keys)
            while until not in seen and select.select([ours], [], [], 60)[0]:
                seen += os.read(ours, 4096)
        except OSError:  # the shell has ended
            pass
        finally:
            process.kill()
            os.close(ours)
    return seen


def test_a_name_is_completed_at_a_real_prompt_of_bash(home: Path, scripts: Mapping[str, str]) -> None:
    (home / "calsignal.bash").write_text(scripts["bash"])
    keys = b"source calsignal.bash\ncalsignal account Alder\t --format json --output shown.json; echo do''ne\n"

    seen = typed(home, [shell("bash"), "--norc", "--noprofile", "-i"], keys, b"done\r\n")

    assert rb"calsignal account Alder\ \&\ Pike " in seen, seen
    assert '"name": "Alder & Pike"' in (home / "shown.json").read_text(encoding="utf-8")


# --- zsh and fish -----------------------------------------------------------------------------------------------------


def test_zsh_completes_and_quotes_at_a_real_prompt(home: Path, scripts: Mapping[str, str]) -> None:
    (home / "calsignal.zsh").write_text(scripts["zsh"])
    keys = b"autoload -Uz compinit; compinit -u -D; source ./calsignal.zsh\ncalsignal account Alder\t"

    seen = typed(home, [shell("zsh"), "-f", "-i"], keys, b"Pike")

    assert rb"Alder\ \&\ Pike" in seen, seen


def test_fish_completes_names_with_commas_colons_and_quotes(home: Path, scripts: Mapping[str, str]) -> None:
    (home / "calsignal.fish").write_text(scripts["fish"])

    def completed(line: str) -> list[str]:
        code = f"source calsignal.fish; complete --do-complete '{line}'"
        ran = subprocess.run(
            [shell("fish"), "-N", "-c", code],
            env=environment(home),
            capture_output=True,
            text=True,
            cwd=home,
            check=True,
        )
        return [text.partition("\t")[0] for text in ran.stdout.splitlines()]

    assert completed("calsignal account B") == ["Böhm, Sons"]
    assert completed("calsignal sync google:ro") == ["google:robin@ours.example"]


def test_each_script_says_how_it_is_installed(scripts: Mapping[str, str]) -> None:
    assert scripts["zsh"].startswith("#compdef calsignal\n# In ~/.zshrc")
    assert scripts["bash"].startswith('# In ~/.bashrc: eval "$(calsignal completion bash)"')
    assert scripts["fish"].startswith("# calsignal completion fish > ~/.config/fish/completions/calsignal.fish\n")


# --- the table --------------------------------------------------------------------------------------------------------


def _parameters(group: click.Group, ctx: click.Context, *path: str) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield from ((*path, name, parameter.name or "") for parameter in command.params)
        if isinstance(command, click.Group) and name != "connect":
            yield from _parameters(command, ctx, *path, name)


def test_what_the_store_completes_are_parameters_of_commands() -> None:
    with click.Context(cli, obj=App()) as ctx:
        there = set(_parameters(cli, ctx))

    assert set(KNOWN) <= there
    assert {path for path in there if path[-1] == "rep"} - {("accounts", "add", "rep")} <= set(KNOWN)
