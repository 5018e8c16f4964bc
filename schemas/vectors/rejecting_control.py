"""Faults of the documents around calls: facts, errors, signs of life, cancels."""

from faults import BAD_UTF8, MANY, MOST
from pack import Pairs, Raw


def info_request(maker):
    maker.model("inputs", "an info request has no keys", {"inputs": ["a"]}, json=True)


def info_reply(maker):
    maker.put(
        "limits_duplicate_key",
        "`limits` has a key twice",
        "limits",
        Pairs([*maker.base["limits"].items(), ("max_inputs", 1)]),
    )
    for key in ("encodings", "features", "prompts", "matryoshka", "aliases"):
        maker.put(f"{key}_bomb", f"`{key}` claims 4294967295 items", key, Raw(b"\xdd" + MOST))
    maker.put("aliases_utf8", "an alias is not UTF-8", "aliases", [Raw(BAD_UTF8["continuation"])])


def error_reply(maker):
    maker.put("retry_unknown", "`later` is no retry class", "retry", "later", json=True)
    maker.put("message_bomb", "`message` claims 4294967295 bytes", "message", Raw(b"\xdb" + MOST))
    maker.put("message_utf8", "`message` is not UTF-8", "message", Raw(BAD_UTF8["above_unicode"]))


def alive_frame(maker):
    maker.put("alive_false", "`alive` is false, which nobody can say", "alive", False, json=True)
    maker.put("alive_str", "`alive` is a string", "alive", "true", json=True)
    maker.put("instance_bomb", "`instance` claims 4294967295 bytes", "instance", Raw(b"\xdb" + MOST))
    maker.put("instance_utf8", "`instance` is not UTF-8", "instance", Raw(BAD_UTF8["cut_short"]))


def admin(maker):
    maker.put("model_bomb", "`model` claims 4294967295 bytes", "model", Raw(b"\xdb" + MOST))
    maker.put("model_utf8", "`model` is not UTF-8", "model", Raw(BAD_UTF8["cut_short"]))
    maker.put("instance_bomb", "`instance` claims 4294967295 bytes", "instance", Raw(b"\xdb" + MOST))


def cancel_request(maker):
    one = maker.base["attempts"][0]
    maker.model("attempts_empty", "there is no attempt", {"attempts": []}, json=True)
    too_many = {"attempts": [f"{at:032x}" for at in range(257)]}
    maker.model("attempts_257", "one attempt more than the limit", too_many)
    maker.model("attempts_str", "`attempts` is a string", {"attempts": one}, json=True)
    for name, why, attempt in [
        ("empty", "an id is empty", ""),
        ("short", "an id has 31 digits", one[1:]),
        ("long", "an id has 33 digits", one + "0"),
        ("upper_case", "an id is in upper case", one.upper()),
        ("sign", "an id has a sign in place of a digit", "+" + one[1:]),
        ("letter", "an id has a letter that is no digit", "g" + one[1:]),
        ("space", "an id has a space in place of a digit", one[1:] + " "),
        ("newline", "a line ends after an id", one + "\n"),
        ("wide_digits", "an id has digits that are not ASCII", one[2:] + "\u0663"),
    ]:
        maker.model(f"id_{name}", why, {"attempts": [one, attempt]}, json=True)
    maker.model("id_bytes", "an id is its 16 bytes", {"attempts": [bytes.fromhex(one)]})
    claim = b"\x81\xa8attempts\xdd"
    maker.raw("attempts_bomb_array", "`attempts` claims 4294967295 ids", claim + MOST)
    maker.raw("attempts_bomb_many", "`attempts` claims 1073741824 ids", claim + MANY + b"\xa1a")
    maker.put("attempts_0_bomb", "an id claims 4294967295 bytes", "attempts.0", Raw(b"\xdb" + MOST))
    maker.put("attempts_0_utf8", "an id is not UTF-8", "attempts.0", Raw(BAD_UTF8["overlong"]))


FAULTS = {
    "info-request": info_request,
    "info-reply": info_reply,
    "error-reply": error_reply,
    "alive-frame": alive_frame,
    "cancel-request": cancel_request,
    "admin-request": admin,
    "admin-reply": admin,
}
