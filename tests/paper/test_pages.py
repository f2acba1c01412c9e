"""Pages that hold the report of recorded results."""

import pytest
from helpers.pages import DOCS, filled


@pytest.mark.parametrize("page", ["claims", "cifar10", "tiny_imagenet"])
def test_the_page_is_up_to_date(page: str) -> None:
    """It holds its results' report, or says that there are none; `python docs/PAGE.py` writes it.
    Pictures of which it tells are there."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    assert filled(page, DOCS / "results" / f"{page}.json") == text
    results = text.split("<!-- results -->")[1].split("<!-- end of results -->")[0]
    pictures = [part.split(")")[0] for part in results.split("](images/")[1:]]
    assert all((DOCS / "images" / picture).is_file() for picture in pictures)
