"""A package, so that its tests share one server and one Chromium, and no others do."""
