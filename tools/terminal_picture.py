#!/usr/bin/env python3
"""Draws what a command prints on a terminal as an SVG: the picture in the README.

    terminal_picture.py OUT.svg [--columns N] [--keep-last N] -- COMMAND...

The command runs on a pseudo-terminal; what stands on the screen at its end is drawn, colours
included. Only the standard library is used.
"""

import argparse
import html
import os
import pty
import re
import shlex

COLOURS = {"31": "#e06c75", "32": "#98c379", "33": "#e5c07b", "34": "#61afef", "35": "#c678dd",
           "36": "#56b6c2", "90": "#7f848e", "2": "#7f848e"}


def run(command, columns):
    """Everything that the command writes to a terminal of that width."""
    written = bytearray()

    def read(fd):
        data = os.read(fd, 4096)
        written.extend(data)
        return data

    os.environ.update(COLUMNS=str(columns), LINES="50", TERM="xterm-256color")
    pty.spawn(["/bin/sh", "-c", f"stty cols {columns}; exec " + shlex.join(command)], read)
    return written.decode(errors="replace")


def screen(text):
    """Lines of (style, character) cells, after carriage returns and erasures."""
    lines, row, column, style = [[]], 0, 0, ""
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x1b]", text):
        if token.startswith("\x1b"):
            if token.endswith("m"):
                codes = token[2:-1]
                style = "" if codes in ("", "0") else ";".join(filter(None, [style, codes]))
            elif token.endswith("K"):
                del lines[row][column:]
            elif token.endswith("A"):
                row = max(0, row - int(token[2:-1] or 1))
        elif token == "\n":
            row, column = row + 1, 0
            if row == len(lines):
                lines.append([])
        elif token == "\r":
            column = 0
        elif token >= " ":
            lines[row] += [("", " ")] * (column + 1 - len(lines[row]))
            lines[row][column] = (style, token)
            column += 1
    return lines


def spans(cells):
    """SVG spans of one line; equal styles together."""
    out, index = "", 0
    while index < len(cells):
        style, end = cells[index][0], index
        while end < len(cells) and cells[end][0] == style:
            end += 1
        text = html.escape("".join(c for _, c in cells[index:end]))
        codes = style.split(";")
        colour = next((COLOURS[c] for c in reversed(codes) if c in COLOURS), "#d7dae0")
        weight = ' font-weight="bold"' if "1" in codes else ""
        out += f'<tspan fill="{colour}"{weight}>{text}</tspan>'
        index = end
    return out


def draw(lines, columns, title):
    width, height = columns * 8.4 + 32, len(lines) * 18 + 56
    body = "".join(
        f'<text x="16" y="{52 + i * 18}" xml:space="preserve">{spans(cells)}</text>\n'
        for i, cells in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace" '
        'font-size="14">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#21252b"/>\n'
        f'<text x="16" y="26" fill="#7f848e">$ {html.escape(title)}</text>\n{body}</svg>\n'
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out")
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--title", default="")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    lines = screen(run(options.command, options.columns))
    while lines and not lines[-1]:
        lines.pop()
    with open(options.out, "w", encoding="utf-8") as file:
        file.write(draw(lines, options.columns, options.title or shlex.join(options.command)))


if __name__ == "__main__":
    main()
