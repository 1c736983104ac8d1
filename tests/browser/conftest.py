"""Chromium, pages that notice what goes wrong, notebooks in JupyterLab, and what was measured on the way."""

import nbformat
import pytest
from in_lab import SOON, Notebook
from playwright.sync_api import sync_playwright

# Pages opened from the disk may read their own folder, as search does.
FLAGS = ["--no-sandbox", "--disable-background-networking", "--allow-file-access-from-files"]
# Without a graphics card. WebGL in software draws whole pages, takes both cores for it and makes everything late, so
# only modules that have NEEDS_WEBGL = True get it.
WEBGL, NO_WEBGL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"], ["--disable-gpu"]
DESKTOP = {"width": 1280, "height": 900}
# How a request ends that nobody awaits any more, such as that of an icon of a page that was left.
TAKEN_BACK = "net::ERR_ABORTED"
LOCAL = ("file:", "data:", "blob:", "about:")
# While a kernel starts, jupyter_server 2.21 may answer the question which ones run with an error of its own.
# Lab asks for a text cell's picture at the page's own address first, and takes that back; it then comes from /files/.
FORGIVEN_IN_LAB = ("/api/kernels?", "/lab/tree/book/images/openings/")


# For one module and no longer: while Playwright is open, its event loop is this thread's, and others cannot run theirs.
@pytest.fixture(scope="module")
def browser(chromium, request):
    graphics = WEBGL if getattr(request.module, "NEEDS_WEBGL", False) else NO_WEBGL
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS + graphics)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def open_page(browser):
    """Opens a tab in which ``complaints`` gathers what goes wrong.

    Those are requests that leave this machine, or fail, errors of scripts, and errors in the console. ``here`` is where
    a local server's addresses begin; complaints that mention something ``forgiven`` are dropped.
    """
    pages = []

    def open_page(here=(), forgiven=()):
        page = browser.new_page(viewport=DESKTOP)
        pages.append(page)
        page.set_default_timeout(SOON)
        page.complaints = []
        local = (*LOCAL, *here)

        def complain(text):
            if not any(word in text for word in forgiven):
                page.complaints.append(text)

        page.on("request", lambda r: r.url.startswith(local) or complain(f"outside: {r.url[:200]}"))
        page.on("requestfailed", lambda r: r.failure == TAKEN_BACK or complain(f"failed: {r.url[:200]} ({r.failure})"))
        page.on("pageerror", lambda error: complain(f"error: {error}"))
        page.on("console", lambda m: m.type == "error" and complain(f"console: {m.text[:300]} {m.location['url']}"))
        return page

    yield open_page
    for page in pages:
        page.close()


@pytest.fixture(scope="module")
def open_notebook(open_page, lab):
    """Opens a notebook of the server's folder in JupyterLab, by its path; kernels end with the module's tests.

    With ``sources``, one that is first written: a code cell of each.
    """

    def open_notebook(path, *sources):
        if sources:
            cells = [nbformat.v4.new_code_cell(source) for source in sources]
            written = nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
            nbformat.write(written, lab.folder / path)
        page = open_page((lab.base, lab.base.replace("http", "ws", 1)), FORGIVEN_IN_LAB)
        return Notebook(page, lab, path)

    yield open_notebook
    lab.stop_kernels()
