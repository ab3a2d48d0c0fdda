from __future__ import annotations

import pytest

from calsignal.contract import Access, Attendee, Finding
from calsignal.store.forgetting import text_columns
from calsignal.vault import connection_secret
from cli import toy
from cli.desk import REP, Desk
from remote_world import ANN, event


@pytest.fixture
def met(connected: Desk) -> Desk:
    """Return a desk whose calendar shows a buyer."""
    connected.ok("accounts", "add", "Acme", "acme.example", "--key-player", ANN)
    connected.remote().put(event("a"), event("b", 4, subject="Ann again"))
    connected.ok("sync")
    return connected


def kept(desk: Desk) -> bytes:
    return b"".join(path.read_bytes() for path in desk.folder.rglob("*") if path.is_file()).lower()


def test_it_says_what_goes_and_asks(met: Desk) -> None:
    result = met.run("forget", "Ann+x@ACME.example", input="n\n")

    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "this erases ann@acme.example, the past included:",
        "- 1 person",
        "- 2 events with nobody else from outside",
        "- 1 entry in accounts",
        "Erase ann@acme.example for good? [y/N]: n",
        "nothing was removed",
    ]
    assert ANN.encode() in kept(met)


def test_it_erases_proves_it_and_keeps_it_so(met: Desk) -> None:
    first, second = met.ok("forget", ANN, "--yes").splitlines()

    assert first == "forgotten: 1 person; 2 events with nobody else from outside; 1 entry in accounts"
    assert second.startswith(f"nothing is left: looked through {len(text_columns())} columns of text and ")
    met.clock.wait(days=1)
    met.ok("sync")
    assert b"ann@" not in kept(met)
    assert met.ok("forget", "--list") == "1 address and 0 domains are forgotten\n"


def test_what_is_forgotten_is_refused_everywhere_until_that_is_lifted(met: Desk) -> None:
    met.ok("forget", "acme.example", "--yes")
    csv = met.folder / "accounts.csv"
    csv.write_text("name,domain\nAcme,eu.acme.example\n", encoding="utf-8")
    expected = "error: acme.example was forgotten\nhint: lift that with: calsignal forget --undo acme.example\n"

    assert met.fails(2, "accounts", "add", "Acme", "acme.example") == expected
    assert met.fails(2, "accounts", "add", "Other", "other.example", "--key-player", ANN) == expected
    assert met.fails(2, "accounts", "import", str(csv)) == expected
    assert "acme.example was forgotten" in met.run("connect", "toy", "box", "--rep", "x@acme.example").stderr
    assert met.ok("forget", "--undo", "acme.example").startswith("calendars may name acme.example again")
    met.ok("accounts", "add", "Acme", "acme.example")
    assert "acme.example is not forgotten" in met.fails(2, "forget", "--undo", "acme.example")


def test_deals_do_not_bring_them_back(met: Desk) -> None:
    owners = f'[deals.owners]\n"Plum, Ann" = "{ANN}"\n'
    met.write(met.config.read_text(encoding="utf-8").replace("[deals.owners]\n", owners))
    file = met.folder / "deals.csv"
    file.write_text(
        "Opportunity ID,Opportunity Name,Account Name,Owner,Amount,Stage,Close Date,Contact Email\n"
        f'1,Deal of {ANN},Acme,"Plum, Ann",5 EUR,Talks,2026-05-01,{ANN}\n'
        f"{ANN},Sample,Acme,rep@ours.example,5 EUR,Talks,2026-05-01,\n",
        encoding="utf-8",
    )
    met.run("deals", "import", str(file))
    assert met.app().store().deals(met.clock())

    told = met.ok("forget", ANN, "--yes")
    again = met.run("deals", "import", str(file))

    assert "their part in 2 deals" in told
    assert again.exit_code == 0, again.output
    found = [track.now for track in met.app().store().deals(met.clock())]
    assert [(deal.id, deal.name, deal.owner, deal.contacts) for deal in found] == [("1", "Deal of …", "", ())]


def test_a_rep_goes_with_calendar_and_secret(desk: Desk) -> None:
    desk.ok("connect", "toy", "box", "--rep", REP, "--ask-secret", input="hunter2\n")
    desk.remote().put(event("a"))
    desk.ok("sync")

    result = desk.run("forget", REP, "--yes")

    assert result.exit_code == 0
    assert "- the connection toy:rep with everything that it told" in result.stderr
    assert "hint: to keep what a calendar told, stop here: calsignal disconnect toy:rep" in result.stderr
    assert desk.app().vault.get(connection_secret("toy:rep")) is None
    assert REP.encode() not in desk.database.read_bytes()


def test_an_alias_is_the_person_and_the_config_is_named(met: Desk) -> None:
    alias = '[team.aliases]\n"j@ours.example" = "rep@ours.example"\n'
    met.write(met.config.read_text(encoding="utf-8").replace("[team.aliases]\n", alias))

    result = met.run("forget", "j@ours.example", "--yes")

    assert result.exit_code == 0
    assert "this erases rep@ours.example (also j@ours.example), the past included:" in result.stderr
    assert f"note: {met.config} still names them; take those lines out" in result.stderr


def test_somebody_who_is_not_known_is_banned_all_the_same(met: Desk) -> None:
    result = met.run("forget", "new@acme.example", "--yes")

    assert result.exit_code == 0
    assert "nothing is known of new@acme.example; calendars may not name them from now on" in result.stderr
    met.remote().put(event("c", attendees=()))
    assert met.ok("forget", "--list") == "1 address and 0 domains are forgotten\n"


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ((), "nobody was named"),
        (("com",), "com is no company's domain"),
        (("ours.example",), "ours.example is your own domain"),
        (("not an@",), "this is no e-mail address"),
        (("a b",), "this is no domain name"),
    ],
)
def test_what_nobody_can_mean_is_refused(met: Desk, words: tuple[str, ...], fact: str) -> None:
    assert met.fails(2, "forget", *words).startswith(f"error: {fact}")


def test_a_proof_that_fails_is_told(met: Desk) -> None:
    other = met.app().store()  # somebody reads meanwhile: pages cannot be swept
    with other._database.reading() as conn:
        conn.exec_driver_sql("SELECT count(*) FROM people").scalar()

        result = met.run("forget", ANN, "--yes")

    assert result.exit_code == 1
    assert "left over: what was erased lies on pages that could not be rewritten now" in result.stderr
    assert f"and run `calsignal forget {ANN}` again" in result.stderr
    assert "nothing is left" in met.ok("forget", ANN, "--yes")


def test_without_a_store_there_is_nothing_to_forget(desk: Desk) -> None:
    assert "does not exist yet" in desk.fails(3, "forget", "--list")


def test_a_list_of_mailboxes_is_connected_without_the_forgotten_ones(desk: Desk) -> None:
    desk.ok("connect", "toy", "box", "--rep", REP)
    desk.ok("forget", "gone@ours.example", "--yes")
    team = ("--team", "ann@ours.example", "--team", "gone@ours.example")

    result = desk.run("connect", "toy", "box", "--rep", REP, *team)

    assert result.exit_code == 0
    assert "not connected, since they were forgotten: 1 of 2" in result.stderr
    assert {c.mailbox for c in desk.app().store().connections()} == {REP, "ann@ours.example"}


def test_what_others_share_with_them_is_counted(met: Desk) -> None:
    shared = (Attendee(ANN), Attendee("zoe@big.example"))
    met.ok("accounts", "add", "Big", "big.example")
    met.remote().put(event("c", 5, attendees=shared, subject="Ann and Zoe"), event("d", 6, attendees=shared))
    met.clock.wait(days=1)
    met.ok("sync")

    told = met.run("forget", "acme.example", "--yes").stderr.splitlines()

    assert told == [
        "this erases acme.example and everything below it, the past included:",
        "- 1 person",
        "- 2 events with nobody else from outside",
        "- their part in 2 events with others",
        "- 1 subject that could name them",
        "- the account Acme, which has nobody else",
        "- 2 entries in accounts",
    ]


def test_a_provider_that_fails_keeps_no_secret_alive(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def revoke(access: Access) -> Finding:
        raise KeyError("hunter2")

    monkeypatch.setattr(toy.provider, "revoke", revoke, raising=False)
    desk.ok("connect", "toy", "box", "--rep", REP, "--ask-secret", input="hunter2\n")

    result = desk.run("disconnect", "toy:rep")

    assert result.exit_code == 1
    assert "toy:rep could not be revoked: the provider failed (KeyError)" in result.stderr
    assert "hunter2" not in result.output
    assert desk.app().vault.get(connection_secret("toy:rep")) is None
