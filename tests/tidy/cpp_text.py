"""Splits C and C++ text into code, comments and literals, so that a rule about code is not fooled
by a word in a comment or a string."""

import re

_TOKEN = re.compile(r'''
    (?P<line_comment>//[^\n]*)
  | (?P<block_comment>/\*.*?(?:\*/|\Z))
  | (?P<include>^[ \t]*\#[ \t]*include[^\n]*)                  # its "..." is not a literal
  | (?P<raw>\b(?:u8|u|U|L)?R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)")
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<character>(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+')        # not the ' of 1'000'000
''', re.VERBOSE | re.DOTALL | re.MULTILINE)


def _blank(text):
    """As many lines, with nothing on them."""
    return re.sub(r"[^\n]", " ", text)


def code_lines(text):
    """The lines of `text` with comments blanked and literals emptied."""
    def replace(match):
        if match.group("include"):
            return re.sub(r"//.*|/\*.*", "", match.group(0))
        if match.group("line_comment") or match.group("block_comment"):
            return _blank(match.group(0))
        quote = "'" if match.group("character") else '"'
        body = match.group(0)
        return quote + _blank(body[1:-1]) + quote
    return _TOKEN.sub(replace, text).split("\n")


def opening_comment(text):
    """The comment that the file begins with, without its markers; "" when there is none."""
    lines = []
    for line in text.split("\n"):
        if not line.startswith("//"):
            break
        lines.append(line.lstrip("/").strip())
    if not lines and text.startswith("/*"):
        return re.sub(r"\s*\n\s*\*?\s*", " ", text[2:text.find("*/")]).strip()
    return " ".join(lines).strip()
