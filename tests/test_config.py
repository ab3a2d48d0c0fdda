from __future__ import annotations

import re
import tomllib
from dataclasses import fields, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal import config
from calsignal.config import Settings, Team, key_lines, load, render, store_place
from calsignal.contract import Setting
from calsignal.errors import ConfigError, InputError
from calsignal.registry import GROUP, Registry
from calsignal.score.constants import Constants

TOY = {
    "toy": (
        Setting("folder", str, None, "where the toys are"),
        Setting("depth", int, 3, "how deep to look"),
        Setting("loud", bool, default=False, help="whether to shout"),
        Setting("colours", list, ("red",), "which colours"),
    )
}
EXAMPLE = Path(__file__).parents[1] / "config.example.toml"
MINIMAL = '[team]\ndomains = ["ours.example"]\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text), TOY)
    assert caught.value.exit_code == 2
    return list(caught.value.problems)


def only(folder: Path, text: str) -> str:
    """Return the one problem with its hint, on top of a config that is fine otherwise."""
    [(fact, hint)] = problems(folder, text if "[team]" in text else MINIMAL + text)
    return f"{fact} -> {hint}"


# --- what is read -----------------------------------------------------------------------------------------------------


def test_without_a_file_the_defaults_hold() -> None:
    settings = load(None, TOY)

    assert settings.path is None
    assert settings.team == Team(domains=())
    assert (settings.sync.history_days, settings.sync.horizon_days) == (365, 180)
    assert settings.privacy.subjects
    assert not settings.privacy.link_text
    assert settings.scoring == Constants()
    assert settings.providers == {"toy": {"folder": None, "depth": 3, "loud": False, "colours": ("red",)}}


def test_a_full_file_becomes_typed_settings(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        delegates = { "ea@buyer.example" = "Chief@Buyer.example" }
        [team]
        name = "Ours"
        domains = ["Ours.Example", "ours.example", "bücher.example"]
        timezone = "Europe/Berlin"
        [team.aliases]
        "J.Doe@ours.example" = "jane@ours.example"
        [store]
        url = "postgresql+psycopg://reader@db.example/calsignal"
        [sync]
        history_days = 30
        [ignore]
        addresses = ["room+1@ours.example"]
        domains = ["bots.example"]
        [scoring]
        half_hours = 4
        max_buyers = 5
        [toy]
        depth = 7
        colours = ["blue", "green"]
        """,
    )

    settings = load(path, TOY)

    assert settings.path == path
    assert settings.team.domains == ("ours.example", "xn--bcher-kva.example")
    assert settings.team.timezone == ZoneInfo("Europe/Berlin")
    assert settings.team.aliases == {"j.doe@ours.example": "jane@ours.example"}
    assert settings.delegates == {"ea@buyer.example": "chief@buyer.example"}
    assert settings.store.url == "postgresql+psycopg://reader@db.example/calsignal"
    assert (settings.sync.history_days, settings.sync.horizon_days) == (30, 180)
    assert settings.ignore.addresses == ("room@ours.example",)
    assert settings.scoring == replace(Constants(), half_hours=4.0, max_buyers=5)
    assert isinstance(settings.scoring.half_hours, float)
    assert settings.providers["toy"] == {"folder": None, "depth": 7, "loud": False, "colours": ("blue", "green")}


def test_a_byte_order_mark_is_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())

    assert load(path, {}).team.domains == ("ours.example",)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_every_problem_is_reported_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
[team]
domains = ["gmail.com"]
timezone = "Europe/Berln"

[sync]
histroy_days = 30
horizon_days = -1

[scorring]
half_hours = 3
""",
    )

    assert [fact.split(":")[0] for fact, _ in found] == ["line 2", "line 3", "line 6", "line 7", "line 9"]
    assert "free-mail domain gmail.com" in found[0][0]
    assert found[1] == ("line 3: [team] timezone is not known: 'Europe/Berln'", "did you mean Europe/Berlin?")
    assert found[2] == ("line 6: [sync] has no key 'histroy_days'", "did you mean history_days?")
    assert found[3] == ("line 7: [sync] horizon_days is out of range", "write a number of days from 0 to 36500")
    assert found[4] == ("line 9: there is no section [scorring]", "did you mean scoring?")


@pytest.mark.parametrize(
    ("text", "fact", "hint"),
    [
        ('[sync]\nhistory_days = "30"', "line 4: [sync] history_days is text in quotes", "write a whole number"),
        ("[sync]\nhistory_days = true", "line 4: [sync] history_days is true or false", "write a whole number"),
        ("[sync]\nhistory_days = 2026-01-01", "history_days is a date or time", "write a whole number"),
        ("[privacy]\nsubjects = 1", "[privacy] subjects is a whole number", "write true or false"),
        ("[ignore]\ndomains = 'x.example'", "[ignore] domains is text in quotes", "write a list"),
        ("[ignore]\ndomains = [1]", "[ignore] domains holds a whole number", '["one", "two"]'),
        ("[ignore]\ndomains = ['localhost']", "no domain of a company in 'localhost'", "company.example"),
        ("[ignore]\ndomains = ['192.0.2.1']", "no domain of a company in '192.0.2.1'", "company.example"),
        ("[ignore]\ndomains = ['a b.example']", "has no domain in 'a b.example'", "company.example"),
        ("[ignore]\naddresses = ['nobody']", "has no e-mail address in 'nobody'", "name@company.example"),
        ("[delegates]\n'nobody' = 'a@b.example'", "line 4: [delegates] 'nobody' has no e-mail", "name@company"),
        ("[delegates]\n'a@b.example' = 7", "[delegates] 'a@b.example' is a whole number", "write text in quotes"),
        ("[store]\nurl = 'calsignal.db'", "[store] url is no database URL", "postgresql+psycopg://"),
        ("[scoring]\npast_accepted = 1.5", "[scoring] past_accepted is out of range", "a share from 0 to 1"),
        ("[teams]\nnorth = 'a@ours.example'", "line 4: [teams] 'north' is text in quotes", "write a list"),
        ("[teams]\nnorth = ['jane']", "[teams] 'north' has no e-mail address in 'jane'", "name@company.example"),
        ("[deals]\nstage = 1", "[deals] has no key 'stage'", "it has none"),
        ("[deals.accounts]\nAcme = ' '", "[deals.accounts] 'Acme' is empty", "write a name"),
        ("[deals.owners]\n'Doe, Jane' = 'jane'", "[deals.owners] 'Doe, Jane' has no e-mail", "name@company"),
        ("[scoring]\naudit_min_coverage = 1.5", "audit_min_coverage is out of range", "a share from 0 to 1"),
        ("[scoring]\naudit_days = 0", "audit_days is out of range", "above 0; the default is 28"),
        ("[scoring]\nhalf_life_days = 0", "half_life_days is out of range", "above 0; the default is 21.0"),
        ("[scoring]\nhalf_hours = nan", "half_hours is out of range", "above 0"),
        ("[scoring]\nhalf_hours = 1" + "0" * 400, "half_hours is out of range", "above 0"),
        ("[scoring]\ndropped = 10", "dropped is out of range", "0 or a negative number; the default is -10.0"),
        ("[scoring]\nnew_days = -1", "new_days is out of range", "0 or more"),
        ("[scoring]\nnew_days = 1.5", "new_days is a number", "write a whole number"),
        ("[scoring]\nhalf_hours = true", "half_hours is true or false", "write a number"),
        ("[toy]\nfoldr = 'x'", "[toy] has no key 'foldr'", "did you mean folder?"),
        ("[toy]\nzzz = 'x'", "[toy] has no key 'zzz'", "known are: folder, depth, loud, colours"),
        ("[toy]\nloud = 'yes'", "[toy] loud is text in quotes", "write true or false"),
        ("[gogle]\nx = 1", "there is no section [gogle]", "known are: team, store"),
        ('["a\\tb]"]\nx = 1', r"there is no section ['a\tb]']", "known are: team, store"),
        ("[[sync]]\nhistory_days = 3", "line 3: [sync] is not a section", "write [sync] on a line of its own"),
        ("[team]\nname = 'x'", "line 1: [team] domains is missing", "name the domains"),
        ("[team]\ndomains = []", "line 2: [team] domains is empty", "name the domains"),
        ("[team]\ndomains = ['ours.example']\naliases = 3", "line 3: [team] aliases is not a table", "[team.aliases]"),
        ("[team]\ndomains = ['ours.example']\ntimezone = 'Europe'", "is not known: 'Europe'", "did you mean"),
        ("[team]\ndomains = ['ours.example']\ntimezone = '../x'", "is not known: '../x'", "Europe/Berlin"),
        ("[team]\ndomains = ['ours.example']\ntimezone = 'Mars'", "is not known: 'Mars'", "Europe/Berlin"),
    ],
)
def test_a_bad_value_names_its_line_and_the_next_step(tmp_path: Path, text: str, fact: str, hint: str) -> None:
    found = only(tmp_path, text)

    assert fact in found.partition(" -> ")[0]
    assert hint in found.partition(" -> ")[2]


def test_an_empty_file_lacks_the_domains(tmp_path: Path) -> None:
    assert problems(tmp_path, "")[0][0] == "line 1: [team] domains is missing"


def test_a_value_of_any_length_is_shown_short(tmp_path: Path) -> None:
    assert len(only(tmp_path, f"[ignore]\naddresses = ['{'x' * 500}']")) < 200


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://jane:hunter2@db.example/calsignal",
        "postgresql://jane:hunter2/3@db.example/calsignal",
        "postgresql://:hunter2@db.example/calsignal",
        "postgresql://db.example/calsignal?user=jane&password=hunter2",
    ],
)
def test_a_store_url_with_a_password_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    found = only(tmp_path, f'[store]\nurl = "{url}"')

    assert "line 4: [store] url holds a password" in found
    assert "CALSIGNAL_DATABASE_URL" in found
    assert "hunter2" not in found


@pytest.mark.parametrize("url", ["postgresql://jane@db.example:5432/x", "sqlite:///C:/data/a:b@c.db"])
def test_a_store_url_without_a_password_is_accepted(tmp_path: Path, url: str) -> None:
    assert load(write(tmp_path, MINIMAL + f'[store]\nurl = "{url}"'), {}).store.url == url


@pytest.mark.parametrize("text", ["[team", "[team]\na@b.example = 1", "x = " + "1" * 5000, "x = " + "[" * 5000])
def test_what_is_no_toml_is_one_problem(tmp_path: Path, text: str) -> None:
    [(fact, hint)] = problems(tmp_path, text)

    assert fact.startswith("it is not TOML")
    assert "quotes" in hint


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    assert "line 3" in problems(tmp_path, MINIMAL + "oops\n")[0][0]


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(MINIMAL.encode("utf-16"))

    with pytest.raises(ConfigError) as caught:
        load(path, {})

    assert caught.value.problems == (("it is not UTF-8", "save it again as UTF-8"),)


def test_a_missing_file_points_to_init(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no config file at") as caught:
        load(tmp_path / "none.toml", {})

    assert "calsignal init" in caught.value.hint


def test_a_folder_is_no_config_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        load(tmp_path, {})


def test_what_init_is_told_is_held_to_the_same_rules() -> None:
    assert config.team_domain(" @Ours.example") == "ours.example"
    assert config.team_zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    with pytest.raises(InputError, match="the team has the free-mail domain"):
        config.team_domain("gmail.com")
    with pytest.raises(InputError, match="the time zone is not known: 'Europe/Berln'") as caught:
        config.team_zone("Europe/Berln")
    assert caught.value.hint == "did you mean Europe/Berlin?"


# --- where a key stands -----------------------------------------------------------------------------------------------


def test_keys_are_found_behind_every_shape_of_value() -> None:
    source = '''\
top = 1 # [not.a.table]
# key = 1

[ "a" . b ] # comment with = and "
text = """
fake = 1
[fake]
"""
raw = \'\'\'
fake2 = \'\'\'
list = [ # ]
  "]", '#',
  [1, 2],
]
"quo\\u0074ed = x" = "a # b" # c
dotted.key = {x = 1, y = [2]}
[[many]]
k = '"'
[[many]]
k = 2026-01-01
last = 1'''

    lines = key_lines(source)

    assert tomllib.loads(source)
    assert lines == {
        ("top",): 1,
        ("a",): 4,
        ("a", "b"): 4,
        ("a", "b", "text"): 5,
        ("a", "b", "raw"): 9,
        ("a", "b", "list"): 11,
        ("a", "b", "quoted = x"): 15,
        ("a", "b", "dotted"): 16,
        ("a", "b", "dotted", "key"): 16,
        ("many",): 17,
        ("many", "k"): 18,
        ("many", "last"): 21,
    }


@given(st.dictionaries(st.text(min_size=1), st.text() | st.lists(st.text()), max_size=6))
def test_every_key_is_found_on_its_own_line(content: dict[str, str | list[str]]) -> None:
    written = [f"{config._toml(name)} = {config._toml(value)}" for name, value in content.items()]

    lines = key_lines("\n".join(["[t]", *written]))

    assert [lines["t", name] for name in content] == list(range(2, len(content) + 2))


# --- what is written --------------------------------------------------------------------------------------------------


def test_the_example_is_every_setting_with_its_default() -> None:
    project = tomllib.loads((EXAMPLE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shipped = [EntryPoint(name, value, GROUP) for name, value in project["entry-points"][GROUP].items()]

    assert EXAMPLE.read_text(encoding="utf-8") == render(None, Registry(shipped).sections())


def test_the_rendered_example_loads_to_the_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, render(None, TOY))

    assert load(path, TOY) == replace(load(None, TOY), path=path, team=Team(domains=("ours.example",)))


def test_every_default_in_the_example_is_the_one_in_force(tmp_path: Path) -> None:
    text = re.sub(r"^#(?=[a-z0-9_]+ = )", "", render(None, TOY), flags=re.MULTILINE)
    text = text.replace('folder = ""\n', "").replace('url = ""\n', "")

    settings = load(write(tmp_path, text), TOY)

    assert replace(settings, path=None, team=Team()) == load(None, TOY)
    assert set(tomllib.loads(text)["scoring"]) == {f.name for f in fields(Constants)}


_names = st.from_regex(r"[a-z]{1,8}\.example", fullmatch=True).filter(lambda n: not n.startswith("-"))
_addresses = st.builds(lambda local, host: f"{local}@{host}", st.from_regex(r"[a-z.]{1,8}", fullmatch=True), _names)
_settings = st.builds(
    Settings,
    team=st.builds(
        Team,
        name=st.text(),
        domains=st.lists(_names, min_size=1, unique=True).map(tuple),
        timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]).map(ZoneInfo),
        aliases=st.dictionaries(_addresses, _addresses, max_size=3),
    ),
    store=st.builds(config.StoreSettings, url=st.sampled_from([None, "postgresql://db.example/x"])),
    sync=st.builds(config.SyncSettings, st.integers(0, 36_500), st.integers(0, 36_500)),
    privacy=st.builds(config.Privacy, st.booleans(), st.booleans(), st.booleans()),
    ignore=st.builds(
        config.Ignore,
        st.lists(_addresses, unique=True, max_size=2).map(tuple),
        st.lists(_names, unique=True, max_size=2).map(tuple),
    ),
    teams=st.dictionaries(st.text(), st.lists(_addresses, unique=True, max_size=3).map(tuple), max_size=2),
    deals=st.builds(
        config.DealSettings,
        st.dictionaries(st.text(), st.from_regex(r"[A-Z]\w{0,9}", fullmatch=True), max_size=3),
        st.dictionaries(st.text(), _addresses, max_size=3),
    ),
    delivery=st.builds(
        config.Delivery,
        team=st.lists(st.text(), unique=True, max_size=2).map(tuple),
        quiet=st.lists(st.sampled_from(["mon", "sun", "02-29", "2026-12-25"]), unique=True).map(tuple),
        reps=st.dictionaries(_addresses, st.lists(st.text(), unique=True, max_size=2).map(tuple), max_size=2),
    ),
    delegates=st.dictionaries(_addresses, _addresses, max_size=3),
    scoring=st.builds(Constants, half_hours=st.floats(0.001, 1e6), dropped=st.floats(-1e6, 0)),
    providers=st.fixed_dictionaries(
        {
            "toy": st.fixed_dictionaries(
                {
                    "folder": st.none() | st.text(),
                    "depth": st.integers(),
                    "loud": st.booleans(),
                    "colours": st.lists(st.text(), unique=True).map(tuple),
                }
            )
        }
    ),
)


@given(_settings)
def test_what_is_rendered_reads_back_the_same(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> None:
    path = write(tmp_path_factory.getbasetemp(), render(settings, TOY))

    assert load(path, TOY) == replace(settings, path=path)


# --- where things are -------------------------------------------------------------------------------------------------


def test_the_config_given_goes_before_the_environment_and_the_platform(tmp_path: Path) -> None:
    environ = {"CALSIGNAL_CONFIG": str(tmp_path / "b.toml")}

    assert config.config_path(tmp_path / "a.toml", environ, tmp_path) == tmp_path / "a.toml"
    assert config.config_path(None, environ, tmp_path) == tmp_path / "b.toml"
    assert config.config_path(None, {}, tmp_path) == tmp_path / "config.toml"
    assert "calsignal" in str(config.data_folder())


def test_teams_and_the_words_of_the_crm_are_read(tmp_path: Path) -> None:
    text = """
        [teams]
        north = ["Jane@ours.example", "jane@ours.example"]
        [deals.accounts]
        "ACME (EMEA)" = "Acme"
        [deals.owners]
        "Doe, Jane" = "Jane@ours.example"
    """

    settings = load(write(tmp_path, MINIMAL + text), {})

    assert settings.teams == {"north": ("jane@ours.example",)}
    assert settings.deals == config.DealSettings({"ACME (EMEA)": "Acme"}, {"Doe, Jane": "jane@ours.example"})


def test_the_environment_says_where_the_store_is_before_the_config(tmp_path: Path) -> None:
    settings = Settings(store=config.StoreSettings("postgresql://db.example/config"))

    assert store_place(settings, {"CALSIGNAL_DATABASE_URL": "sqlite:///env.db"}, tmp_path) == "sqlite:///env.db"
    assert store_place(settings, {}, tmp_path) == "postgresql://db.example/config"
    assert store_place(Settings(), {}, tmp_path) == tmp_path / "calsignal.sqlite3"


# --- delivery ---------------------------------------------------------------------------------------------------------


def test_delivery_says_who_gets_what(tmp_path: Path) -> None:
    text = """
        [delivery]
        team = ["chat", "chat"]
        each = ["mail"]
        audit = ["boss"]
        quiet = ["Sat", "sunday", "12-25", "02-29", "2026-04-06"]
        [delivery.reps]
        "Jane@ours.example" = ["chat", "jane"]
        "robin@ours.example" = []
        """

    found = load(write(tmp_path, MINIMAL + text), {}).delivery

    assert found.quiet == ("sat", "sun", "12-25", "02-29", "2026-04-06")
    assert found.names == ("chat", "mail", "boss", "jane")
    assert [found.of_rep(f"{name}@ours.example") for name in ("jane", "robin", "sam")] == [
        ("chat", "jane"),
        (),
        ("mail",),
    ]
    assert found.to_reps


def test_without_a_word_nothing_is_sent_and_weekends_are_quiet() -> None:
    found = load(None, {}).delivery

    assert (found.names, found.to_reps, found.quiet) == ((), False, ("sat", "sun"))
    assert replace(found, reps={"a@ours.example": ()}).to_reps is False


@pytest.mark.parametrize("day", ["caturday", "s", "2026-02-29", "13-01", "25.12.", "", "sat-sun"])
def test_a_quiet_day_that_is_none_is_refused(tmp_path: Path, day: str) -> None:
    said = only(tmp_path, f'[delivery]\nquiet = ["{day}"]\n')

    assert said.startswith("line 4: [delivery] quiet has no day in ")
    assert 'write "sat", "2026-12-25", or "12-25" for every year' in said


def test_slips_in_delivery_are_told(tmp_path: Path) -> None:
    assert "did you mean audit?" in only(tmp_path, '[delivery]\naudits = ["x"]\n')
    assert "write a list" in only(tmp_path, '[delivery]\nteam = "x"\n')
    assert "no e-mail address" in only(tmp_path, '[delivery.reps]\n"jane" = ["x"]\n')
