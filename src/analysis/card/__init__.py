"""One customer on one page, and the map of whom the company's customers belong to."""
