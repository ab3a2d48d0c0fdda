from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.delivery.address import Hook, Mail, Other, Service, Tls, mailbox, read
from calsignal.errors import InputError

SECRET = "s3cretT0ken"


@pytest.mark.parametrize(
    ("text", "tls", "port"),
    [
        (f"smtps://robot:{SECRET}@mail.example?from=a@ours.example", Tls.AT_ONCE, 465),
        (f"smtp://robot:{SECRET}@mail.example?from=a@ours.example", Tls.STARTED, 587),
        (f"smtp://robot:{SECRET}@mail.example:2525/?from=a@ours.example", Tls.STARTED, 2525),
        (f"smtp://robot:{SECRET}@localhost:25?from=a@ours.example&tls=none", Tls.NEVER, 25),
    ],
)
def test_mail_is_secret_unless_it_stays_on_this_machine(text: str, tls: Tls, port: int) -> None:
    found = read(text)

    assert isinstance(found, Mail)
    assert (found.tls, found.port, found.user, found.password) == (tls, port, "robot", SECRET)
    assert (found.sender, found.to, found.kind) == ("a@ours.example", (), "mail")


def test_a_user_may_be_an_address_and_a_password_anything() -> None:
    found = read("smtps://robot@ours.example:p%40ss%2F%3A@mail.example?from=a@ours.example&to=b@x.example,c@x.example")

    assert isinstance(found, Mail)
    assert (found.user, found.password) == ("robot@ours.example", "p@ss/:")
    assert found.to == ("b@x.example", "c@x.example")


@pytest.mark.parametrize(
    ("text", "service"),
    [
        (f"https://hooks.slack.com/services/T0/B0/{SECRET}", Service.SLACK),
        (f"https://prod-1.westeurope.logic.azure.com:443/workflows/{SECRET}/triggers?sig={SECRET}", Service.TEAMS),
        (f"https://abc.12.environment.api.powerplatform.com/x?sig={SECRET}", Service.TEAMS),
        (f"slack+https://chat.ours.example/hooks/{SECRET}", Service.SLACK),
        (f"teams+https://gateway.ours.example/{SECRET}", Service.TEAMS),
        (f"https://ours.example/{SECRET}", Service.JSON),
        (f"https://hooks.slack.com.evil.example/{SECRET}", Service.JSON),
        (f"json+https://hooks.slack.com/{SECRET}", Service.JSON),
    ],
)
def test_a_web_address_is_known_by_its_host_or_its_scheme(text: str, service: Service) -> None:
    found = read(text)

    assert isinstance(found, Hook)
    assert found.service is service
    assert found.url.startswith("https://")
    assert SECRET in found.url


def test_what_is_neither_is_left_to_apprise() -> None:
    for text in (f"tgram://{SECRET}/1", f"tgram://1234:{SECRET}/1"):  # a token of Telegram, which looks like a port
        assert read(text) == Other("tgram", text)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (f"http://ours.example/{SECRET}", "not https"),
        (f"slack+http://ours.example/{SECRET}", "not https"),
        (f"smtp://u:{SECRET}@mail.example?from=a@x.example&tls=none", "without TLS"),
        (f"smtps://u:{SECRET}@mail.example?from=a@x.example&tls=off", "tls can only be none"),
        (f"smtps://u:{SECRET}@mail.example", "who the mail is from"),
        (f"smtps://u:{SECRET}@mail.example?from={SECRET}", "no e-mail address"),
        (f"smtps://u:{SECRET}@mail.example?from=a@x.example&to=b", "no e-mail address"),
        (f"smtps://u:{SECRET}/x@mail.example?from=a@x.example", "not well formed"),
        (f"smtps://u:x/{SECRET}", "not well formed"),
        (f"smtps://u:{SECRET}@mail.example/path?from=a@x.example", "cannot be read"),
        (f"smtps://u:{SECRET}@mail.example?form=a@x.example", "cannot be read"),
        (f"mailtos://u:{SECRET}@mail.example", "address of a server"),
        (f"https:///{SECRET}", "names no host"),
        (f"https://x:{SECRET}port/", "not well formed"),
        (SECRET, "no scheme"),
        ("", "no scheme"),
    ],
)
def test_what_cannot_be_sent_to_is_refused_and_never_quoted(text: str, fact: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)

    assert fact in str(caught.value)
    assert caught.value.hint
    assert SECRET not in f"{caught.value}{caught.value.hint}"


def test_the_config_may_allow_what_is_not_encrypted() -> None:
    web, mail = (
        read("http://ours.example/x", private=True),
        read("smtp://mail.example:25?from=a@ours.example&tls=none", private=True),
    )

    assert isinstance(web, Hook)
    assert isinstance(mail, Mail)
    assert mail.tls is Tls.NEVER


@given(st.text(st.characters(), max_size=40))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    for before in ("", "smtps://", "https://", "smtp://u:p@h?from="):
        try:
            found = read(before + text)
        except InputError:
            continue
        assert isinstance(found, Mail | Hook | Other)


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=20))
def test_no_repr_shows_what_is_secret(secret: str) -> None:
    secret = f"zz{secret}"
    for text in (
        f"smtps://user:{secret}@mail.example?from=a@ours.example",
        f"https://hooks.slack.com/services/{secret}",
        f"tgram://{secret}/1",
    ):
        assert secret not in repr(read(text))


@pytest.mark.parametrize("text", ["", "a", "a@", "@b", "a b@c.example", "a@b\r\nBcc: x@y", "jürgen@x.example"])
def test_an_odd_mailbox_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        mailbox(text)


def test_a_mailbox_may_bring_its_name() -> None:
    assert str(mailbox("Sales robot <a@ours.example>")) == "Sales robot <a@ours.example>"
    assert str(mailbox("a@ours.example", "calsignal")) == "calsignal <a@ours.example>"
