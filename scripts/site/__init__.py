"""Pages of the documentation site besides docs/*.md: references, notebooks, linked files."""
