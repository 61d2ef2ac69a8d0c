"""Opens pages in a headless chromium and says what became of them.

Reads JSON from standard input: {"chromium": path, "profile": folder, "pages": [...]}, each page
{"url", "width", "height", "dark", "scripts", "steps"}; steps are {"eval": expression},
{"media": "print"}, {"shot": file}, {"pdf": file}, {"keys": [names]}. Writes for each page {"noise", "requests",
"values", "spent"}: what stood on the console or broke the policy, every address asked for and not refused, the values of the
expressions, and how many milliseconds of its thread the page took until it was painted. Speaks to chromium through a pipe, so
that no port is opened and nothing needs to be installed.
"""

import base64
import json
import os
import subprocess
import sys


class Browser:
    def __init__(self, program, profile):
        to_read, self.to = os.pipe()
        self.back, back_write = os.pipe()
        # Chromium reads from descriptor 3 and writes to 4.
        high = [os.dup2(fd, 60 + at) for at, fd in enumerate((to_read, back_write))]
        wrapper = 'exec "$@" 3<&60 4>&61 60<&- 61>&-'.replace("60", str(high[0])).replace("61", str(high[1]))
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                 "--no-first-run", "--disable-background-networking", "--disable-component-update",
                 "--remote-debugging-pipe", "--user-data-dir=" + profile, "about:blank"]
        self.process = subprocess.Popen(["bash", "-c", wrapper, "bash", program, *flags], pass_fds=high,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in (to_read, back_write, *high):
            os.close(fd)
        self.count, self.rest, self.told = 0, b"", []

    def read(self):
        while b"\0" not in self.rest:
            more = os.read(self.back, 1 << 20)
            if not more:
                raise RuntimeError("chromium has ended")
            self.rest += more
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def ask(self, method, session=None, **params):
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.told.append(answer)

    def wait(self, method):
        for at, message in enumerate(self.told):
            if message["method"] == method:
                return self.told.pop(at)
        while True:
            message = self.read()
            if message.get("method") == method:
                return message
            self.told.append(message)

    def close(self):
        try:
            self.ask("Browser.close")
        except (RuntimeError, OSError):
            pass
        self.process.wait()


def noise(message):
    kind, params = message["method"], message.get("params", {})
    if kind == "Runtime.consoleAPICalled":
        return params["type"] + ": " + " ".join(str(arg.get("value", arg.get("description"))) for arg in params["args"])
    if kind == "Runtime.exceptionThrown":
        return "exception: " + json.dumps(params["exceptionDetails"])
    if kind == "Log.entryAdded":
        return params["entry"]["source"] + ": " + params["entry"]["text"]
    return None


def look(browser, page):
    target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
    session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    browser.told.clear()

    def ask(method, **params):
        return browser.ask(method, session, **params)

    for domain in ("Page", "Runtime", "Log", "Network"):
        ask(domain + ".enable")
    # Times of the page's own thread, so that a busy machine does not show.
    ask("Performance.enable", timeDomain="threadTicks")
    dark = "dark" if page.get("dark") else "light"
    scheme = [{"name": "prefers-color-scheme", "value": dark}]
    ask("Emulation.setEmulatedMedia", features=scheme)
    ask("Emulation.setScriptExecutionDisabled", value=not page.get("scripts", True))
    size = {"width": page.get("width", 1280), "height": page.get("height", 900)}
    ask("Emulation.setDeviceMetricsOverride", deviceScaleFactor=page.get("scale", 1), mobile=False, **size)
    ask("Page.navigate", url=page["url"])
    browser.wait("Page.loadEventFired")
    ask("Runtime.evaluate", expression="document.body.offsetHeight")
    if page.get("scripts", True):
        painted = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
        ask("Runtime.evaluate", expression=painted, awaitPromise=True)
    spent = {metric["name"]: metric["value"] for metric in ask("Performance.getMetrics")["metrics"]}
    spent = {name: round(spent[name] * 1000) for name in ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")}
    values = []
    for step in page.get("steps", []):
        if "eval" in step:
            answer = ask("Runtime.evaluate", expression=step["eval"], returnByValue=True, awaitPromise=True)
            if "exceptionDetails" in answer:
                raise RuntimeError(f"{step['eval']}: {answer['exceptionDetails']}")
            values.append(answer["result"].get("value"))
        elif "media" in step:
            ask("Emulation.setEmulatedMedia", media=step["media"], features=scheme)
        elif "keys" in step:
            for key in step["keys"]:
                code = {"Tab": 9, "Enter": 13, " ": 32}[key]
                text = {"Enter": "\r", " ": " "}.get(key, "")
                ask("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, text=text)
                ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)
        elif "shot" in step:
            shot = ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
            open(step["shot"], "wb").write(base64.b64decode(shot["data"]))
        elif "pdf" in step:
            pdf = ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
            open(step["pdf"], "wb").write(base64.b64decode(pdf["data"]))
    # What was told by now has come: answers and events share one pipe.
    ask("Runtime.evaluate", expression="1")
    told = [message for message in browser.told if message.get("sessionId") == session]
    of = [(message["method"], message.get("params", {})) for message in told]
    refused = {params["requestId"] for method, params in of if method == "Network.loadingFailed" and params.get("blockedReason")}
    asked = [params["request"]["url"] for method, params in of
             if method == "Network.requestWillBeSent" and params["requestId"] not in refused]
    browser.ask("Target.closeTarget", targetId=target)
    return {"noise": [text for text in map(noise, told) if text], "requests": asked, "values": values, "spent": spent}


def main():
    order = json.load(sys.stdin)
    browser = Browser(order["chromium"], order["profile"])
    try:
        print(json.dumps([look(browser, page) for page in order["pages"]]))
    finally:
        browser.close()


main()
