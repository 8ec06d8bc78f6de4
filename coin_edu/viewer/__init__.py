"""The viewer: a page of plain JavaScript that decodes .coin files by itself, on the graphics card (`page.page`)."""
