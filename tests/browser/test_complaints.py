"""What other tests of pages rest on: a page tells of a file that is missing, and not of one that it did not await."""


def test_a_missing_file_is_told(open_page, tmp_path):
    (tmp_path / "page.html").write_text('<img src="missing.png">')
    page = open_page()
    page.goto((tmp_path / "page.html").as_uri())
    assert [text for text in page.complaints if text.startswith("failed: ") and "missing.png" in text]


def test_a_page_may_be_left_while_it_loads(open_page, tmp_path):
    (tmp_path / "page.html").write_text('<img src="late.png">')
    page = open_page()
    page.route("**/late.png", lambda route: None)  # never answered
    with page.expect_request("**/late.png"):
        page.goto((tmp_path / "page.html").as_uri(), wait_until="commit")
    with page.expect_event("requestfailed"):
        page.goto("about:blank")
    assert not page.complaints
