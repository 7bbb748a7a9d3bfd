"""What `make docs` adds to docs/: the README as first page, the API page, and the pictures of results/.

MkDocs calls these functions (mkdocs.yml, hooks). A link to a file outside docs/ becomes a link to the repository.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PICTURE = re.compile(r"\.\./(results/[\w/.-]+\.png)")
OUTSIDE = re.compile(r'(\]\(|href=")\.\./')
API = "# API\n\n::: gem\n\n::: gem.kernels\n\n::: gem.variants\n"


def readme_page(text: str) -> str:
    """The README with its links as seen from docs/."""
    text = re.sub(r'(\]\(|href="|src=")(?!https?:|#)', r"\1../", text)
    return text.replace("(../docs/", "(")


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    index = readme_page((ROOT / "README.md").read_text())
    files.append(File.generated(config, "index.md", content=index))
    files.append(File.generated(config, "api.md", content=API))
    pages = [index, *(page.read_text() for page in sorted((ROOT / "docs").glob("*.md")))]
    for picture in sorted({name for page in pages for name in PICTURE.findall(page)}):
        files.append(File.generated(config, picture, abs_src_path=str(ROOT / picture)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    markdown = PICTURE.sub(r"\1", markdown)
    return OUTSIDE.sub(rf"\1{config.repo_url}/blob/main/", markdown)
