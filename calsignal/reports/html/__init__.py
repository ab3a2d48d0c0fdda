"""What HTML reports are made of: escaped elements, charts as inline SVG, one style sheet, one small script."""
