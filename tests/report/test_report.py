#!/usr/bin/env python3
"""The pages in a real browser: that no script fails, that nothing is fetched, that what should be
drawn is drawn, in both themes and at the width of a phone. Needs Chromium (`./dev deps browser`),
which is too large to be asked of everyone: without it the test is skipped, and says so. What can be
known without a browser is tested in src/twin/report_html_test.cpp.
"""

import html
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

CHROMIUM = shutil.which("chromium")
SAMPLE = os.environ["MW_SAMPLE_REPORT"]  # tests/report/sample_report.cpp
BINARY = os.environ["MW_BINARY"]
BLUE = {"light": (0x00, 0x72, 0xB2), "dark": (0x2F, 0x88, 0xCC)}  # productive, in charts.js


def pixels(png):
    """Rows of (r, g, b) of an 8-bit PNG without interlacing."""
    at, width, channels, packed = 8, 0, 0, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, _, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and interlaced == 0 and colour in (2, 6), "another kind of PNG"
            channels = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    data = zlib.decompress(packed)
    stride = width * channels
    before = bytearray(stride)
    rows = []
    for start in range(0, len(data), stride + 1):
        kind, line = data[start], bytearray(data[start + 1 : start + 1 + stride])
        for i in range(stride):
            left = line[i - channels] if i >= channels else 0
            above = before[i]
            corner = before[i - channels] if i >= channels else 0
            if kind == 1:
                line[i] = (line[i] + left) & 255
            elif kind == 2:
                line[i] = (line[i] + above) & 255
            elif kind == 3:
                line[i] = (line[i] + (left + above) // 2) & 255
            elif kind == 4:
                guess = left + above - corner
                near = min((abs(guess - left), 0, left), (abs(guess - above), 1, above),
                           (abs(guess - corner), 2, corner))
                line[i] = (line[i] + near[2]) & 255
        rows.append([tuple(line[i : i + 3]) for i in range(0, stride, channels)])
        before = line
    return rows


def run_program(*command):
    return subprocess.run([str(word) for word in command], check=True, timeout=120,
                          capture_output=True, text=True).stdout


class Compare(unittest.TestCase):
    """mw sim compare over folders of runs, without a browser."""

    def test_runs_and_seeds_side_by_side(self):
        with tempfile.TemporaryDirectory(prefix="mw-compare-") as folder:
            root = pathlib.Path(folder)
            for seed in ("1", "2", "3"):
                run_program(SAMPLE, root / "fair" / f"seed-{seed}", seed, "1")
                run_program(SAMPLE, root / "busy" / f"seed-{seed}", seed, "1.08")
            shown = run_program(BINARY, "sim", "compare", root / "fair", root / "busy",
                                "--out", root / "compared")
            self.assertRegex(shown, r"Utilisation +\S+ % (?:\+-|±) \S+ % .* points +beyond")
            self.assertRegex(shown, r"Jobs submitted .* same +within")
            figures = {one["key"]: one for one in json.loads(run_program(
                BINARY, "--json", "sim", "compare", root / "fair", root / "busy"))["figures"]}
            self.assertEqual(figures["utilisation_percent"]["differences"][0]["verdict"], "beyond")
            self.assertEqual(figures["utilisation_percent"]["groups"][0]["count"], 3)
            # Another's file of that name is not replaced, a page of ours is.
            run_program(BINARY, "sim", "compare", root / "fair", root / "busy", "--out",
                        root / "compared")
            (root / "compared" / "compare.html").write_text("mine")
            refused = subprocess.run([BINARY, "sim", "compare", root / "fair", root / "busy",
                                      "--out", root / "compared"], capture_output=True, text=True)
            self.assertEqual(refused.returncode, 4)
            self.assertIn("would be overwritten", refused.stderr)
            self.assertEqual((root / "compared" / "compare.html").read_text(), "mine")


@unittest.skipUnless(CHROMIUM, "no chromium: ./dev deps browser installs it")
class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="mw-report-")
        cls.root = pathlib.Path(cls.folder.name)
        for setup, load in (("fair", "1"), ("busy", "1.08")):
            for seed in ("1", "2"):
                run_program(SAMPLE, cls.root / setup / f"seed-{seed}", seed, load)
        run_program(SAMPLE, cls.root / "stopped", "3", "1", "0.4")
        cls.report = cls.root / "fair" / "seed-1" / "report.html"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def browse(self, page, *options):
        """What Chromium prints about `page`; fails for an error on its console."""
        with tempfile.TemporaryDirectory(prefix="mw-chromium-") as profile:
            done = subprocess.run(
                [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                 "--disable-background-networking", "--disable-dev-shm-usage",
                 "--enable-logging=stderr", "--virtual-time-budget=5000",
                 f"--user-data-dir={profile}", *options, page.as_uri()],
                capture_output=True, timeout=120)
        console = [line for line in done.stderr.decode(errors="replace").splitlines()
                   if "CONSOLE" in line]
        self.assertEqual(console, [])
        self.assertEqual(done.returncode, 0)
        return done.stdout.decode(errors="replace")

    def document(self, page):
        text = self.browse(page, "--dump-dom", "--window-size=1280,2000")
        return text[: text.index('<script type="application/json"')]

    def with_theme(self, page, theme):
        changed = page.with_name(f"{page.stem}-{theme}.html")
        changed.write_text(page.read_text().replace(
            '<html lang="en">', f'<html lang="en" data-theme="{theme}">', 1))
        return changed

    def test_the_report_draws_all_charts(self):
        text = self.document(self.report)
        # ledger, jobs, demand, three distributions, fragmentation, twelve sites, bars
        self.assertRegex(text, r'<html[^>]* data-charts="20"')
        self.assertEqual(text.count("<canvas"), 20)
        for words in ("Where the accelerators were", "Power by site", "Tenants", "250,000 accelerators",
                      "Utilisation", "Idle: no demand", "Show the other 20 sites"):
            self.assertIn(words, text)
        self.assertNotIn("NaN", text)
        self.assertNotIn("undefined", text)

    def test_names_are_shown_as_they_are(self):
        text = self.document(self.report)
        self.assertIn(html.escape("</script><script>throw 1</script>", quote=False), text)
        self.assertNotIn("<img", text)

    def test_the_colour_of_work_fills_the_ledger_in_both_themes(self):
        for theme, blue in BLUE.items():
            with self.subTest(theme):
                picture = self.root / f"{theme}.png"
                self.browse(self.with_theme(self.report, theme), f"--screenshot={picture}",
                            "--window-size=900,700")
                found = sum(row.count(blue) for row in pixels(picture.read_bytes()))
                self.assertGreater(found, 60_000)

    def test_nothing_is_wider_than_a_phone(self):
        # A page of the phone's width, which tells how wide what is in it wants to be.
        frame = self.root / "phone.html"
        probe = self.report.with_name("phone.html")
        probe.write_text(self.report.read_text().replace(
            "</body>", "<script>requestAnimationFrame(() => { document.title ="
            " `width ${document.documentElement.scrollWidth}`;"
            " parent.postMessage(document.title, '*'); });</script></body>"))
        frame.write_text("<!doctype html><p id=width></p><script>onmessage = (event) => {"
                         " document.getElementById('width').textContent = event.data; };</script>"
                         f'<iframe src="{probe.as_uri()}" style="width:390px;height:900px;border:0">'
                         "</iframe>")
        text = self.browse(frame, "--dump-dom", "--allow-file-access-from-files")
        self.assertIn('<p id="width">width 390</p>', text)

    def test_a_stopped_run_says_so(self):
        text = self.document(self.root / "stopped" / "report.html")
        self.assertIn("This run was stopped.", text)
        self.assertIn("12.0 of 30 days", text)

    def test_the_comparison_draws_all_charts(self):
        out = self.root / "compared"
        shown = run_program(BINARY, "sim", "compare", self.root / "fair", self.root / "busy",
                                 "--out", out)
        self.assertRegex(shown, r"Utilisation .* beyond")
        text = self.document(out / "compare.html")
        self.assertRegex(text, r'<html[^>]* data-charts="8"')
        self.assertEqual(text.count("<canvas"), 8)
        self.assertIn("beyond the spread", text)
        self.assertNotIn("NaN", text)
        self.assertNotIn("undefined", text)


if __name__ == "__main__":
    unittest.main()
