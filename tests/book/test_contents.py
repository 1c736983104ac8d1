"""The table of contents, the pages around the notebooks, and the reference."""

import importlib
import pkgutil
import re
import types

import PIL.Image
import pytest
import yaml
from bs4 import BeautifulSoup
from sphinx_external_toc.parsing import parse_toc_yaml
from the_book import BOOK, NOTEBOOKS, ROOT

import diffpose_nb

# Terms that notebooks and docstrings use without explaining them.
TERMS = (
    "sid sod isocentre detector source magnification collimator "
    "positioner-primary-angle positioner-secondary-angle lao rao cra cau pa-and-ap "
    "lps ras world-frame camera-frame voxel-frame pose rigid-transform world_from_camera se3 twist "
    "intrinsics principal-point pixel-spacing mirrored-image "
    "drr line-integral attenuation hounsfield-unit beer-lambert-law siddons-method trilinear-interpolation scatter "
    "2d3d-registration nominal-pose similarity ncc local-ncc gradient-ncc jacobian gauss-newton levenberg-marquardt "
    "coarse-to-fine capture-range landmark mtre mpe mrpd success-rate"
)


@pytest.fixture(scope="module")
def toc():
    return set(parse_toc_yaml(BOOK / "_toc.yml"))


def test_every_page_in_the_contents_exists(toc):
    missing = [page for page in toc if not any((ROOT / page).with_suffix(end).exists() for end in (".md", ".ipynb"))]
    assert not missing


def test_every_notebook_and_page_is_in_the_contents(toc):
    sources = [*NOTEBOOKS, *BOOK.glob("*.md"), *BOOK.glob("api/*.md")]
    assert {path.relative_to(ROOT).with_suffix("").as_posix() for path in sources} == toc


def test_every_notebook_is_on_a_way_through_the_book():
    text = (BOOK / "paths.md").read_text(encoding="utf-8")
    assert not [path.name for path in NOTEBOOKS if f"notebooks/{path.name}" not in text]


PACKAGES = sorted(module.name for module in pkgutil.iter_modules(diffpose_nb.__path__) if module.ispkg)


def test_every_package_has_a_page_in_the_reference():
    assert set(PACKAGES) <= {path.stem for path in BOOK.glob("api/*.md")}


@pytest.fixture(scope="module")
def documented(html):
    """Dotted names that have an entry in the built reference, with what they name."""
    pages = [path.read_text(encoding="utf-8") for path in (html / "book" / "api").glob("*.html")]
    names = {name for page in pages for name in re.findall(r'<dt[^>]* id="(diffpose_nb\.[\w.]+)"', page)}
    return {name: pkgutil.resolve_name(name) for name in names if not _is_an_attribute(name)}


def _is_an_attribute(name):
    """Fields of dataclasses have no value to find."""
    owner, _, field = name.rpartition(".")
    return (
        field in getattr(pkgutil.resolve_name(owner), "__annotations__", {}) and owner.rpartition(".")[2][0].isupper()
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_built_reference(package, documented):
    """What a package's face promises in ``__all__`` has an entry, there or where it comes from."""
    face = importlib.import_module(f"diffpose_nb.{package}")
    public = {name: getattr(face, name) for name in getattr(face, "__all__", [])}
    missing = [
        name
        for name, value in public.items()
        if not isinstance(value, types.ModuleType)
        and not any(entry.endswith(f".{name}") and found is value for entry, found in documented.items())
    ]
    assert not missing


def test_constants_have_their_values_in_the_reference(html):
    for package, constant in [("register", "BONE = 2.0"), ("render", "STEP = 1.5")]:
        page = BeautifulSoup((html / "book" / "api" / f"{package}.html").read_text(encoding="utf-8"), "html.parser")
        entry = page.find("dt", id=f"diffpose_nb.{package}.{constant.partition(' ')[0]}")
        assert constant in " ".join(entry.get_text().split())


def test_constants_say_what_they_are(html):
    """Not what ``float`` is; also if the face has them from another file."""
    text = (html / "book" / "api" / "evaluate.html").read_text(encoding="utf-8")
    entry = BeautifulSoup(text, "html.parser").find("dt", id="diffpose_nb.evaluate.SUCCESS")
    assert "mTRE" in entry.find_next_sibling("dd").get_text() and "Convert a string or number" not in text


def test_old_addresses_of_the_reference_lead_on(html):
    for old, new in [("landscapes", "similarity"), ("jacobian", "render"), ("evaluate_plots", "plots")]:
        page = (html / "book" / "api" / f"{old}.html").read_text(encoding="utf-8")
        assert f"url={new}.html" in page and (html / "book" / "api" / f"{new}.html").exists()


@pytest.mark.parametrize("term", TERMS.split())
def test_glossary_has(term):
    headings = re.findall(r"^#{2,3} (.+)$", (BOOK / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert term in [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_buttons_need_a_repository():
    """Launch buttons and badges lead nowhere until the project has an address."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    config = yaml.safe_load((BOOK / "_config.yml").read_text(encoding="utf-8"))
    if "[project.urls]" not in pyproject:
        assert not config.get("launch_buttons") and not config.get("repository")
        assert "mybinder" not in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_animation_is_short_and_light():
    """Ten seconds, in the README and on the first page, where a still stands in for who asks for less motion."""
    file = BOOK / "images" / "registration.webp"
    with PIL.Image.open(file) as animation:
        times = []
        for frame in range(animation.n_frames):
            animation.seek(frame)
            animation.load()
            times.append(animation.info["duration"])
    assert len(times) > 10 and 9_000 < sum(times) < 11_000
    assert file.stat().st_size < 1_400_000
    first_page = (BOOK / "index.md").read_text(encoding="utf-8")
    assert "images/registration.webp" in first_page and "images/hero.png" in first_page
    assert "(book/images/registration.webp)" in (ROOT / "README.md").read_text(encoding="utf-8")
