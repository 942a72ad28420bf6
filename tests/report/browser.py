"""Looks at a page through Chromium's DevTools protocol; see browser.sh."""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

import websocket

WIDTHS = {1280: 900, 390: 844}
# Marks of the page: sections by state, canvases with nothing on them, what sticks out to the right.
LOOK = """(() => {
  const all = (query) => [...document.querySelectorAll(query)];
  const name = (node) => node.closest('section.card')?.id ?? node.id;
  const blank = (canvas) => {
    if (!canvas.width || !canvas.height) return true;
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return !pixels.some((value) => value !== 0);
  };
  return {
    kinds: all('section.kind').length,
    sections: all('section.card').length,
    undrawn: all('section.card').filter((node) => node.dataset.drawn !== '1').map(name),
    blank: all('canvas').filter(blank).map(name),
    drawings: all('canvas, figure svg').length,
    unnamed: all('canvas, figure svg').filter((node) => !node.getAttribute('aria-label')).map(name),
    tall: document.documentElement.scrollHeight,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  };
})()"""
PAPER = (703, 994)  # what A4 leaves within margins of 12 mm, at 96 pixels an inch
# What must not be on paper, what is cut off there, words of four letters and more that are broken letter by letter, and
# text that needs a dark page.
LOOK_AT_PAPER = """(() => {
  const all = (query) => [...document.querySelectorAll(query)].filter((node) => node.getClientRects().length);
  const name = (node) => node.closest('section.card')?.id || node.id || node.tagName;
  const letters = (node) => parseFloat(getComputedStyle(node).fontSize) / 2;
  const lines = (node) => node.clientHeight / (1.2 * parseFloat(getComputedStyle(node).fontSize));
  const longest = (node) => Math.max(...node.textContent.split(/\\s+/).map((word) => word.length));
  const light = (node) => getComputedStyle(node).color.match(/\\d+/g).slice(0, 3).every((value) => value > 150);
  return {
    'on paper without use': all('button, input, header nav').filter((node) => !node.closest('th')).map(name),
    'cut off': all('.scroll, figure, table').filter((node) =>
      node.scrollHeight > node.clientHeight + 1 && getComputedStyle(node).overflowY !== 'visible'
      || node.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(name),
    'broken letter by letter': all('td, th').filter((node) =>
      longest(node) > 3 && node.clientWidth < 4 * letters(node) && lines(node) > 3).map(name),
    'light on white paper': all('h1, h2, h3, p, td, th').filter(light).map(name),
  };
})()"""


class Browser:
    """One page of a headless Chromium, and what it said and asked for."""

    def __init__(self, program, profile):
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port_file = pathlib.Path(profile) / "DevToolsActivePort"
        self.wait(lambda: port_file.exists() and port_file.read_text().count("\n"), "the browser did not start")
        port = port_file.read_text().split("\n")[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            page = next(target for target in json.load(answer) if target["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=60)
        self.last = 0
        self.complaints = []
        self.requests = []

    @staticmethod
    def wait(is_there, complaint, seconds=60):
        end = time.monotonic() + seconds
        while not is_there():
            if time.monotonic() > end:
                raise SystemExit(f"browser.py: {complaint} within {seconds} s")
            time.sleep(0.05)

    def note(self, event):
        method, params = event["method"], event["params"]
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def call(self, method, **params):
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.last:
                if "error" in message:
                    raise SystemExit(f"browser.py: {method}: {message['error']['message']}")
                return message["result"]
            if "method" in message:
                self.note(message)

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return result["result"].get("value")

    def size(self, width, height, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.value("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300)))")

    def print_to(self, width, height):
        """As on paper of so many pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media="print")
        self.value("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300)))")

    def keep(self, path, method, **params):
        path.write_bytes(base64.b64decode(self.call(method, **params)["data"]))

    def close(self):
        try:
            self.call("Browser.close")
        except (OSError, websocket.WebSocketException):
            pass
        self.process.wait(timeout=20)


def is_own(url, page):
    """The page itself and what it holds; of a page from a server, also what it asks that server."""
    if url.startswith(("data:", "blob:")):
        return True
    origin = "/".join(page.split("/", 3)[:3])
    return url == page or (page.startswith("http") and url.startswith(origin + "/"))


def look_at(browser, page, pictures):
    for domain in ("Page", "Runtime", "Log", "Network"):
        browser.call(f"{domain}.enable")
    browser.size(1280, 900)
    began = time.monotonic()
    browser.call("Page.navigate", url=page)
    browser.wait(lambda: browser.value("window.canopyReady === true"), "window.canopyReady was not set")
    print(f"{page}: ready after {time.monotonic() - began:.2f} s")
    wrong = []
    for width, height in WIDTHS.items():
        for dark in (False, True):
            browser.size(width, height, dark)
            seen = browser.value(LOOK)
            where = f"at {width} px, {'dark' if dark else 'light'}: "
            for mark in ("undrawn", "blank", "unnamed"):
                if seen[mark]:
                    wrong.append(f"{where}{mark}: {', '.join(seen[mark])}")
            if seen["wide"] > 0:
                wrong.append(f"{where}the page is {seen['wide']} px wider than the screen")
            if not seen["sections"] or not seen["kinds"]:
                wrong.append(where + "there is nothing on the page")
            if pictures:
                browser.size(width, seen["tall"], dark)  # charts that are resized while pictured are blank
                browser.keep(pictures / f"{width}-{'dark' if dark else 'light'}.png", "Page.captureScreenshot")
    browser.size(1280, 900, dark=True)  # paper is light all the same
    if pictures:
        browser.keep(pictures / "printed.pdf", "Page.printToPDF", printBackground=True)
    browser.print_to(*PAPER)
    wrong += [f"printed: {mark}: {', '.join(sorted(set(where)))}" for mark, where in browser.value(LOOK_AT_PAPER).items() if where]
    print(f"{seen['kinds']} kind(s) of run, {seen['sections']} sections, {seen['drawings']} drawings")
    wrong += [f"console: {text}" for text in browser.complaints]
    wrong += [f"network: {url}" for url in browser.requests if not is_own(url, page)]
    return wrong


def main():
    program, page, folder = sys.argv[1:]
    pictures = pathlib.Path(folder) if folder else None
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            wrong = look_at(browser, page, pictures)
        finally:
            browser.close()
    for text in wrong:
        print("WRONG " + text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
