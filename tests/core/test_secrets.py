"""No form of a URL that is shown holds its secrets."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.secrets import SecretUrl, redacted, redacted_text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://192.0.2.7", "http://192.0.2.7"),
        ("http://192.0.2.7:8080/status?channel=1", "http://192.0.2.7:8080/status?channel=1"),
        ("http://admin:s3cret@192.0.2.7/a", "http://192.0.2.7/a"),
        ("admin:s3cret@192.0.2.7", "192.0.2.7"),
        ("http://s3cret@192.0.2.7", "http://192.0.2.7"),
        ("http://admin:s3/cr?e#t@192.0.2.7/a", "http://192.0.2.7/a"),
        ("http://admin:s3@cret@192.0.2.7/a", "http://192.0.2.7/a"),
        ("http://h/cm?user=admin&password=s3cret&channel=1", "http://h/cm?user=***&password=***&channel=1"),
        ("https://h/v1?api_key=s3cret", "https://h/v1?api_key=***"),
        ("https://h/v1?access_token=s3cret&n=1", "https://h/v1?access_token=***&n=1"),
        ("https://h/v1?X-Amz-Signature=s3cret", "https://h/v1?X-Amz-Signature=***"),
        ("https://h/v1#token=s3cret", "https://h/v1"),
        ("http://[2001:db8::1]:80/x", "http://[2001:db8::1]:80/x"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_url_is_shown_without_its_secrets(url, shown):
    assert redacted(url) == shown
    assert str(SecretUrl(url)) == shown
    assert f"{SecretUrl(url)}" == shown
    assert "s3cret" not in repr(SecretUrl(url))
    assert SecretUrl(url).reveal() == url


passwords = st.text(min_size=4, max_size=12).filter(lambda text: not set(text) & set("\r\n\t "))


@given(passwords, st.sampled_from(["http://u:{}@h/x", "http://h/cm?user=u&password={}&z=1"]))
def test_no_password_survives_whatever_is_in_it(secret, form):
    secret = f"Q7{secret}Z9"
    url = form.format(quote(secret, safe=""))
    said = SecretUrl(url).scrub(f"cannot reach {url} ({secret}), {quote(secret, safe='')}")
    assert secret not in said
    assert "Q7" not in redacted(url)


def test_urls_in_a_text_are_redacted():
    text = "GET 'http://a:s3cret@h/x' failed; see https://h/y?token=s3cret"
    assert redacted_text(text) == "GET 'http://h/x' failed; see https://h/y?token=***"


def test_two_urls_are_equal_by_their_whole_text():
    assert SecretUrl("http://a:b@h") == SecretUrl("http://a:b@h")
    assert SecretUrl("http://a:b@h") != SecretUrl("http://a:c@h")
    assert len({SecretUrl("http://h"), SecretUrl("http://h")}) == 1
