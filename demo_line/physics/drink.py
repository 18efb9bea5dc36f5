"""Properties of the drink: what follows from its sugar content when water and concentrate are blended."""

WATER_KG_L = 0.9982
WATER_KJ_L_K = 4.17
CONCENTRATE_BRIX = 65.0
CONCENTRATE_KG_L = 1.3157


def density_kg_l(brix: float) -> float:
    """Density at 20 °C of a sugar solution; fits the ICUMSA tables for sucrose within 0.1 % up to 70 °Bx."""
    return WATER_KG_L + brix * (0.00385 + 1.59e-5 * brix)


def heat_capacity_kj_l_k(brix: float) -> float:
    """Heat capacity of a litre; per kilogram 4.187 - 0.0263 Bx kJ/K.

    From T. Baloh and E. Wittwer, "Energy manual for sugar factories" (1995), at 45 °C, the middle of a pasteuriser.
    """
    return density_kg_l(brix) * (4.1868 - 0.0263 * brix)


CONCENTRATE_KJ_L_K = heat_capacity_kj_l_k(CONCENTRATE_BRIX)


def concentrate_share(brix: float) -> float:
    """Litres of concentrate in a litre of drink, by mass balance of the sugar with additive volumes."""
    return brix * WATER_KG_L / (CONCENTRATE_BRIX * CONCENTRATE_KG_L - brix * (CONCENTRATE_KG_L - WATER_KG_L))


def brix_of(share: float) -> float:
    """Sugar content of a blend with that share of concentrate; the inverse of `concentrate_share`."""
    return CONCENTRATE_BRIX * CONCENTRATE_KG_L * share / (WATER_KG_L + (CONCENTRATE_KG_L - WATER_KG_L) * share)
