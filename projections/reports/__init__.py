"""How the book does: portfolio at risk, roll rates, vintages, concentration, month by month."""
