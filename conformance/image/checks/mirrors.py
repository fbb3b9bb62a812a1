# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""registries.conf: where images are looked for (containers-registries.conf(5))."""

from images.picture import simple
from suite.expect import contains, equal, that
from suite.registry import check


def conf(case, text):
    """A setting with this registries.conf."""
    return case.setting(registries=case.file(f"registries{case.runs}.conf", text))


def rule(prefix, location, *mirrors, **more):
    """One `[[registry]]`; all locations are insecure."""
    def value(item):
        return str(item).lower() if isinstance(item, bool) else f'"{item}"'

    text = f'[[registry]]\nprefix = "{prefix}"\nlocation = "{location}"\ninsecure = true\n'
    text += "".join(f"{key.replace('_', '-')} = {value(item)}\n" for key, item in more.items())
    for mirror in mirrors:
        mirror = mirror if isinstance(mirror, dict) else {"location": mirror}
        text += "[[registry.mirror]]\ninsecure = true\n"
        text += "".join(f"{key} = {value(item)}\n" for key, item in mirror.items())
    return text


class Named:
    """A registry that exists in names only."""

    address = "registry.invalid"


@check
def a_mirror_comes_first(case):
    """The mirror is asked, and the place itself not, when the mirror has the image."""
    mirror, upstream = case.server(), case.server()
    mirror.add("copy/app", "1", simple("mirror"))
    upstream.add("app", "1", simple("upstream"))
    setting = conf(case, rule("registry.invalid", upstream.address, f"{mirror.address}/copy"))
    case.gets(Named, "app:1", {"hello": "mirror"}, setting)
    equal(upstream.requests, [], "requests at the place itself")


@check
def the_place_itself_comes_last(case):
    """What a mirror has not, or fails to give, comes from the next place."""
    empty, broken, upstream = case.server(), case.server(), case.server()
    from images.server import Reply

    broken.rule(lambda request: Reply(500), "/v2/.+")
    upstream.add("app", "1", simple("upstream"))
    setting = conf(case, rule("registry.invalid", upstream.address, empty.address, broken.address))
    case.gets(Named, "app:1", {"hello": "upstream"}, setting)
    that(empty.asked("/manifests/") and broken.requests, "a mirror was not asked")


@check
def a_mirror_that_is_down(case):
    """A mirror that nobody listens at is passed over."""
    upstream, down = case.server(), case.server()
    down.close()
    case.open.remove(down)
    upstream.add("app", "1", simple())
    setting = conf(case, rule("registry.invalid", upstream.address, down.address))
    case.gets(Named, "app:1", {"hello": "hello"}, setting)


@check
def all_places_are_told(case):
    """The error names every place that was tried."""
    mirror, upstream = case.server(), case.server()
    setting = conf(case, rule("registry.invalid", upstream.address, mirror.address))
    outcome = case.refuses(Named, "app:1", setting=setting)
    contains(outcome.text, mirror.address)
    contains(outcome.text, upstream.address)


@check
def mirrors_by_digest_only(case):
    """mirror-by-digest-only: a tag is never asked of a mirror."""
    mirror, upstream = case.server(), case.server()
    upstream.add("app", "1", simple("upstream"))
    digest = mirror.add("app", "1", simple("mirror"))
    text = rule("registry.invalid", upstream.address, mirror.address, mirror_by_digest_only=True)
    case.gets(Named, "app:1", {"hello": "upstream"}, conf(case, text))
    equal(mirror.requests, [], "requests at the mirror")
    case.gets(Named, f"app@{digest}", {"hello": "mirror"}, conf(case, text))


@check
def mirrors_for_tags_only(case):
    """pull-from-mirror = "tag-only": a digest is never asked of that mirror."""
    mirror, upstream = case.server(), case.server()
    digest = upstream.add("app", "1", simple("upstream"))
    mirror.add("app", "1", simple("mirror"))
    text = rule("registry.invalid", upstream.address, {"location": mirror.address, "pull-from-mirror": "tag-only"})
    case.gets(Named, "app:1", {"hello": "mirror"}, conf(case, text))
    mirror.requests.clear()
    case.gets(Named, f"app@{digest}", {"hello": "upstream"}, conf(case, text))
    equal(mirror.requests, [], "requests at the mirror")


@check
def the_longest_prefix_counts(case):
    """Of several rules that cover a name the one with the longest prefix counts."""
    server = case.server()
    server.add("short/team/app", "1", simple("short"))
    server.add("long/app", "1", simple("long"))
    text = rule("registry.invalid", f"{server.address}/short") + rule("registry.invalid/team", f"{server.address}/long")
    case.gets(Named, "team/app:1", {"hello": "long"}, conf(case, text))
    # A prefix ends where a component ends.
    server.add("short/teams/app", "1", simple("other"))
    case.gets(Named, "teams/app:1", {"hello": "other"}, conf(case, text))


@check
def wildcards(case):
    """A prefix `*.domain` covers all hosts below the domain."""
    server = case.server()
    server.add("app", "1", simple())
    text = rule("*.wild.invalid", server.address)

    class Below:
        address = "some.wild.invalid"

    case.gets(Below, "app:1", {"hello": "hello"}, conf(case, text))


@check
def blocked(case):
    """Nothing is fetched from a registry that is blocked."""
    server = case.server()
    server.add("app", "1", simple())
    setting = conf(case, rule(server.address, server.address, blocked=True))
    case.refuses(server, "app:1", "blocked", setting=setting)
    equal(server.requests, [], "requests")


@check
def credentials_stay_with_their_registry(case):
    """Credentials that were given for a registry are not told to its mirror at another address."""
    from images.server import Reply

    mirror, upstream = case.server(), case.server()
    mirror.rule(lambda request: None if "authorization" in request.headers else
                Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'}), "/v2/")
    upstream.add("app", "1", simple())
    setting = conf(case, rule("registry.invalid", upstream.address, mirror.address))
    setting.credentials = "alice:secret"
    case.gets(Named, "app:1", {"hello": "hello"}, setting)
    that(all("authorization" not in request.headers for request in mirror.requests), "the mirror was told the password")
