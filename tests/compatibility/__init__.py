"""Cases of the page docs/compatibility.md, each of which is a test."""
