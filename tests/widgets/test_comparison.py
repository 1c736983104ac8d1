"""X-ray against DRR in a browser: each mode's pixels are what numpy says, and every control has a name and keys."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from diffpose_nb import plots
from diffpose_nb.widgets import compare

ROWS, COLUMNS = 48, 64
UNSEEN = 255 * np.array(to_rgb(plots.NOT_COMPARED))


def images():
    """No mirror and no turn leaves them as they are; the X-ray has a corner where nothing is compared."""
    row, column = torch.meshgrid(torch.arange(ROWS), torch.arange(COLUMNS), indexing="ij")
    xray = torch.exp(-((row - 12.0) ** 2 + (column - 40.0) ** 2) / 60) + 0.01 * column
    drr = torch.exp(-((row - 15.0) ** 2 + (column - 36.0) ** 2) / 60) + 0.01 * column + 0.004 * row
    drr[30:40, 8:20] += 1.5
    xray[:9, :14] = torch.nan
    return xray, drr


@pytest.fixture(scope="module")
def mixed():
    """Local contrast of DRR and X-ray (rows, columns), 0 to 255, and what is seen."""
    xray, drr = images()
    both = (255 * plots.overlay(drr, xray)).round()
    return both[..., 0], both[..., 2], np.isfinite(xray.numpy())


@pytest.fixture
def page(open_page):
    page = open_page(compare(*images()).data)
    page.wait_for_selector(".dp-compare[data-ready=yes]")
    yield page
    assert not page.complaints
    page.close()


def choose(page, mode, value=None):
    page.get_by_role("radio", name=mode, exact=True).check()
    if value is not None:
        page.get_by_role("slider").fill(str(value))
    page.wait_for_timeout(100)
    return shown(page)


def shown(page):
    """(rows, columns, 3) of the canvas."""
    pixels = page.evaluate(
        "(() => { const c = document.querySelector('canvas');"
        "return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data] })()"
    )
    return np.array(pixels).reshape(ROWS, COLUMNS, 4)[..., :3].astype(float)


def close(found, wanted, seen):
    return np.abs(found - np.where(seen[..., None], wanted, UNSEEN)).max() <= 1.01


def grey(image):
    return np.repeat(image[..., None], 3, -1)


def test_blend_goes_from_the_x_ray_over_the_overlay_to_the_drr(page, mixed):
    drr, xray, seen = mixed
    assert close(choose(page, "blend", 0), grey(xray), seen)
    assert close(choose(page, "blend", 100), grey(drr), seen)
    overlay = 255 * plots.overlay(images()[1], images()[0])
    middle = choose(page, "blend", 50)
    assert close(middle, overlay, seen)
    assert not close(middle[:, ::-1], overlay, seen), "a mirrored picture would pass"
    quarter = np.stack([(drr + xray) / 2, 0.75 * xray + 0.25 * drr, xray], -1)
    assert close(choose(page, "blend", 25), quarter, seen)


@pytest.mark.parametrize("tile", [4, 7, 20])
def test_tiles_alternate(page, mixed, tile):
    drr, xray, seen = mixed
    row, column = np.indices(drr.shape)
    odd = ((row // tile + column // tile) % 2 == 1)[..., None]
    wanted = np.where(odd, grey(drr) * [1, 0.9, 0.8], grey(xray) * [0.8, 0.9, 1])
    assert close(choose(page, "checkerboard", tile), wanted, seen)


def test_edges_of_the_drr_lie_over_the_x_ray(page, mixed):
    """The block of the DRR has its outline drawn; elsewhere the X-ray stays, and nothing is drawn in the mask."""
    _, xray, seen = mixed
    orange = np.array([int(plots.ORANGE[n : n + 2], 16) for n in (1, 3, 5)])
    found = choose(page, "edges", 60)
    drawn = (found == orange).all(-1)
    assert close(np.where(drawn[..., None], grey(xray), found), grey(xray), seen)
    assert not drawn[~seen].any()
    near = {"top": drawn[28:32, 11:17], "bottom": drawn[38:42, 11:17], "left": drawn[33:37, 6:10].T}
    near["right"] = drawn[33:37, 18:22].T
    assert all(part.any(0).all() for part in near.values()), {name: part.any(0) for name, part in near.items()}
    assert not drawn[33:37, 12:16].any(), "the block's inside has no edge"
    shares = [choose(page, "edges", share) for share in (0, 30, 100)]
    none, some, every = ((image == orange).all(-1) for image in shares)
    assert not none.any() and 0 < some.sum() < every.sum() and every[some].all(), "the strongest first"


def test_flicker_shows_one_then_the_other(page, mixed):
    drr, xray, seen = mixed
    choose(page, "flicker", 2000)
    page.get_by_role("button", name="pause").press("Enter")
    first = shown(page)
    page.get_by_role("button", name="swap").press("Space")
    page.wait_for_timeout(100)
    second = shown(page)
    assert close(first, grey(xray), seen) and close(second, grey(drr), seen)
    page.get_by_role("slider").fill("350")
    page.get_by_role("button", name="play").press("Enter")
    page.wait_for_function("document.querySelector('canvas').ariaLabel.endsWith('X-ray')", timeout=5000)
    page.wait_for_function("document.querySelector('canvas').ariaLabel.endsWith('the DRR')", timeout=5000)
    assert int(page.get_by_role("slider").get_attribute("min")) >= 334, "not more than three changes a second"


def test_nothing_moves_for_those_who_ask_for_less_motion(open_page):
    page = open_page(compare(*images(), mode="flicker").data, reduced_motion="reduce")
    page.wait_for_selector(".dp-compare[data-ready=yes]")
    assert page.get_by_role("button", name="play").is_visible()
    page.close()


def test_difference_is_white_where_both_agree(page, mixed):
    drr, xray, seen = mixed
    off = np.clip(3 * (drr - xray) / 255, -1, 1)[..., None]
    blue, orange = (np.array([int(c[n : n + 2], 16) for n in (1, 3, 5)]) for c in (plots.BLUE, plots.ORANGE))
    wanted = np.where(off > 0, 255 + (orange - 255) * np.abs(off), 255 + (blue - 255) * np.abs(off))
    assert close(choose(page, "difference", 3), wanted, seen)


def test_keys_and_names(page):
    """Radio buttons and the slider obey arrow keys; each has a name, and the picture says what it is."""
    page.get_by_role("radio", name="blend").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[data-drawn=checkerboard]")
    slider = page.get_by_role("slider", name="size of a tile")
    slider.focus()
    before = int(slider.input_value())
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(100)
    assert int(slider.input_value()) == before + 1
    assert slider.get_attribute("aria-valuetext") == f"{before + 1} pixels"
    assert page.get_by_role("img", name=f"X-ray and DRR, checkerboard, size of a tile {before + 1} pixels").count() == 1
    assert page.get_by_role("group", name="X-ray against DRR").count() == 1
    assert page.get_by_role("group", name="show").count() == 1
    assert not page.get_by_role("group", name="DRR", exact=True).is_visible(), "there is but one DRR"


def test_the_reader_chooses_among_drrs(open_page, mixed):
    xray, drr = images()
    page = open_page(compare(xray, {"first": xray.nan_to_num(), "the <other>": drr}).data)
    page.wait_for_selector(".dp-compare[data-ready=yes]")
    choose(page, "blend", 100)
    before = shown(page)
    page.get_by_role("radio", name="the <other>").check()
    page.wait_for_timeout(100)
    assert not close(before, grey(mixed[0]), mixed[2]) and close(shown(page), grey(mixed[0]), mixed[2])
    assert "the <other>" in page.locator("canvas").get_attribute("aria-label")
    page.close()


def test_two_on_a_page_do_not_meddle(open_page):
    page = open_page(2 * compare(*images()).data)
    page.wait_for_selector(".dp-compare[data-ready=yes] >> nth=1")
    page.get_by_role("radio", name="edges").nth(1).check()
    assert page.get_by_role("radio", name="blend").first.is_checked()
    assert page.get_by_role("radio", name="edges").nth(1).is_checked()
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone_and_takes_the_page_s_colours(open_page, theme):
    page = open_page(compare(images()[0], {"a": images()[1], "b": images()[1]}).data, theme=theme)
    page.wait_for_selector(".dp-compare[data-ready=yes]")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    color = page.evaluate("getComputedStyle(document.body).color")
    for part in (".dp-pill", ".dp-bar label", ".dp-says", "legend"):
        assert page.locator(part).first.evaluate("(e) => getComputedStyle(e).color") == color, part
    page.close()


def test_without_scripts_the_pictures_are_there(open_page):
    page = open_page(compare(*images()).data, java_script_enabled=False)
    assert page.locator("img:visible").count() == 3
    assert all(len(image.get_attribute("alt")) > 10 for image in page.locator("img").all())
    assert not page.locator("canvas").is_visible()
    page.close()


def test_large_images_are_averaged():
    xray, drr = (torch.rand(600, 1100), torch.rand(600, 1100))
    text = compare(xray, drr).data
    assert 'width="512" height="279"' in text
    assert len(text) < 1_500_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "overlay"}, "mode is 'overlay': it can be 'blend'"),
        ({"rendering": {}}, "rendering is empty"),
        ({"rendering": torch.zeros(3, 4)}, r"\(3, 4\) pixels and xray \(48, 64\)"),
        ({"rendering": torch.full((ROWS, COLUMNS), torch.nan)}, "NaN or infinite"),
        ({"xray": torch.full((ROWS, COLUMNS), torch.nan)}, "xray has no finite pixel"),
        ({"xray": torch.zeros(1, 1, ROWS, COLUMNS)}, r"shape \(1, 1, 48, 64\)"),
    ],
)
def test_bad_input_is_refused(change, message):
    xray, drr = images()
    arguments = {"xray": xray, "rendering": drr, **change}
    with pytest.raises(ValueError, match=message):
        compare(arguments.pop("xray"), arguments.pop("rendering"), **arguments)
