"""What attackers try, shared by the tests of attacks: paths, markup, and ways to ask for them as no browser would."""

import http.client
from urllib.parse import quote, urlsplit

import httpx

SECRET = "canary-5f3a9c-do-not-tell"  # stands in files and variables that nobody may be shown


def paths(target: str) -> list[str]:
    """Ways to write a path to a file as a name: with dots plain and encoded, absolute, drives, NUL, look-alikes, lengths."""
    up = "../" * 12
    bare = target.lstrip("/")
    return [
        *(
            target,
            f"/{target}",
            f"//{target}",
            f"{up}{bare}",
            f"./{up}{bare}",
            f"x/{up}{bare}",
            f"{bare}/",
            f"{target}/.",
        ),
        *(f"..\\..\\..\\..\\{bare}", f"..%2f..%2f..%2f..%2f{bare}", f"%2e%2e/%2e%2e/%2e%2e/%2e%2e/{bare}"),
        *(f"%252e%252e%252f{bare}", f"..%c0%af..%c0%af{bare}", f"....//....//....//{bare}", f"..;/..;/..;/{bare}"),
        *(f"{up}{bare}\0", f"{up}{bare}\0.csv", f"a\0/{up}{bare}", "\0"),
        *(f"C:\\{bare}", f"C:/{bare}", f"\\\\server\\share\\{bare}", "\\\\?\\C:\\", "CON", "NUL.txt"),
        *(
            f"\uff0e\uff0e/\uff0e\uff0e/{bare}",
            f"\u2025/\u2025/{bare}",
            f"..\u2215..\u2215{bare}",
            f"..\u2044..\u2044{bare}",
        ),
        *(
            f"file://{target}",
            f"file:{target}",
            f"FILE:///{bare}",
            f"~/{bare}",
            "~",
            "~root",
            "$HOME",
            "#",
            f"#{target}",
        ),
        *(
            f"{target}#",
            f"{target}?x",
            "?",
            ".",
            "..",
            "/",
            "...",
            "",
            " ",
            "\n",
            f"x\n{target}",
            f"link/{bare}",
            "link",
        ),
        *(
            "a" * 300,
            "a/" * 3000,
            "../" * 5000,
            "-rf",
            "--help",
            "-",
            "_",
            ".hidden",
            ".git/config",
            "*",
            "a b",
            "a;b",
            "|id",
        ),
        *hub_names(target),
        *("x" * 65, "..-x", "run-1/../../x", "run-1@../../x", "run-1@1/../..", "%00", "\u202e..", "X", "\u00e9"),
    ]


def some_paths(target: str, count: int) -> list[str]:
    """So many forms of the path, from all over the list; the links are always among them."""
    every = paths(target)
    always = ["link", target, *hub_names(f"{target}/task.yaml")[:6]]
    return list(dict.fromkeys([*always, *every[:: max(1, len(every) // count)]]))


def hub_names(target: str) -> list[str]:
    """Names on the Hub whose parts are ways to a file; of `owner/name` some files may be at hand."""
    up = "../" * 12
    ways = [f"{up}{target.lstrip('/')}", target, f"main/{up}{target.lstrip('/')}", "..", "../../.."]
    names = [f"owner/name@{way}" for way in ways]
    return [*names, f"base:{names[0]}", f"owner/name:{ways[0]}", f"owner/{ways[0]}@main", "owner/..", f"name@{ways[0]}"]


def ask_raw(
    url: str, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> tuple[int, bytes]:
    """Status and body of a request whose path goes out letter by letter, as no client would send it. A stream of events has
    no body here, for it does not end."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    connection._validate_path = lambda path: None  # it refuses blanks and the like
    try:
        connection.putrequest(method, path, skip_accept_encoding=True, skip_host="Host" in (headers or {}))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if "Content-Length" not in (headers or {}):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        is_stream = "event-stream" in answer.getheader("Content-Type", "")
        return answer.status, b"" if method == "HEAD" or is_stream else answer.read()
    finally:
        connection.close()


def written(path: str) -> str:
    """A path for a request line: what HTTP cannot carry is encoded, all else stays as it is."""
    return quote(path, safe="/%\\.:;?#~*|=-_@$!'()[]")


def call(url: str, api_name: str, values: list, **options) -> str:
    """What an event says to a plain request."""
    place = f"{url}/gradio_api/call/{api_name}"
    asked = httpx.post(place, json={"data": values}, timeout=60, **options)
    if asked.status_code != 200:
        return asked.text
    return httpx.get(f"{place}/{asked.json()['event_id']}", timeout=120, **options).text


def is_healthy(url: str, **options) -> bool:
    """Whether the page is served and its events answer."""
    page = httpx.get(f"{url}/config", timeout=60, **options)
    return page.status_code == 200 and "event: complete" in call(url, "task_list", [], **options)


# Markup that would run a script, open a dialog, or ask another site; `hit` is what the tests listen for.
OTHER_SITE = "http://evil.example"
MARKUP = [
    '<img src=x onerror="hit(0)">',
    "<script>hit(1)</script>",
    "<svg onload=hit(2)>",
    '"><img src=x onerror=hit(3)>',
    "'><svg/onload=hit(4)>",
    "</textarea><img src=x onerror=hit(5)>",
    "</script><script>hit(6)</script>",
    "</style><img src=x onerror=hit(7)>",
    "</title><svg onload=hit(8)>",
    "<iframe srcdoc='<script>parent.hit(9)</script>'></iframe>",
    "<iframe src=javascript:parent.hit(10)></iframe>",
    f"<img src={OTHER_SITE}/11>",
    f'<link rel=stylesheet href="{OTHER_SITE}/12">',
    f"<style>body{{background:url({OTHER_SITE}/13)}}</style>",
    f"<video src={OTHER_SITE}/14 autoplay onerror=hit(14)></video>",
    "<audio src=x onerror=hit(15)>",
    "<details open ontoggle=hit(16)>x",
    "<input autofocus onfocus=hit(17)>",
    "<select autofocus onfocus=hit(18)>",
    "<body onload=hit(19)>",
    "<marquee onstart=hit(20)>x</marquee>",
    "<object data=javascript:hit(21)></object>",
    f"<embed src={OTHER_SITE}/22>",
    f"<base href={OTHER_SITE}/>",
    f"<meta http-equiv=refresh content='0;url={OTHER_SITE}/24'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=hit(25)>",
    "<svg><animate onbegin=hit(26) attributeName=x dur=1s>",
    "<a href=javascript:hit(27) autofocus>x</a>",
    "[x](javascript:hit(28))",
    f"![x]({OTHER_SITE}/29)",
    "<form action=javascript:hit(30)><button autofocus>x</button></form>",
    "&lt;img src=x onerror=hit(31)&gt;",
    "{{ hit(32) }} ${hit(32)} {hit(32)} <%= hit(32) %>",
    "`${hit(33)}` '+hit(33)+' \";hit(33);//",
    "$\\href{javascript:hit(34)}{x}$ $\\htmlData{x=1}{x}$",
    "<x-y onmouseover=hit(35) style=position:fixed;inset:0>",
    "<img/src/onerror=hit(36)>",
    "<IMG SRC=x OnErRoR=hit(37)>",
    "\u202e<img src=x onerror=hit(38)>\u202c",
    '<noscript><p title="</noscript><img src=x onerror=hit(39)>">',
]
# Listens for all of it, and tells a function `heard`. To be put into a page before its own scripts.
LISTEN = """
window.hit = number => { heard(number); };
for (const name of ["alert", "confirm", "prompt", "open"]) window[name] = () => { heard(name); };
document.addEventListener("securitypolicyviolation", event => {
  if (event.blockedURI.includes("evil")) heard(event.blockedURI);
});
"""
