"""What the documentation site shows beside docs/*.md: references, notebooks, linked files."""
