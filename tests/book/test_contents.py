"""The table of contents, the pages around the notebooks, and the reference."""

import pkgutil
import re

import PIL.Image
import pytest
import yaml
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


def test_every_module_is_in_the_reference():
    pages = "\n".join(path.read_text(encoding="utf-8") for path in BOOK.glob("api/*.md"))
    documented = set(re.findall(r"automodule:: diffpose_nb\.(\w+)", pages))
    assert documented == {module.name for module in pkgutil.iter_modules(diffpose_nb.__path__) if module.name[0] != "_"}


def test_every_public_name_is_in_the_built_reference(html):
    """A module with ``__all__`` promises those names; the others promise what they define without an underscore."""
    for module in ("frames", "camera", "dicom", "render", "register", "evaluate"):
        page = (html / "book" / "api" / f"{module}.html").read_text(encoding="utf-8")
        source = vars(__import__(f"diffpose_nb.{module}", fromlist=["_"]))
        names = source.get("__all__") or [
            name
            for name, value in source.items()
            if name[0] != "_" and getattr(value, "__module__", None) == f"diffpose_nb.{module}"
        ]
        assert names and not [name for name in names if f'id="diffpose_nb.{module}.{name}"' not in page]


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
