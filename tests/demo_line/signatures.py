"""What each fault does to readings of the whole line, and where its twin differs: expected signs with least amounts.

Amounts are differences between a run with the fault at a fixed severity and the same run without it, means over an
hour, in the unit of the channel. They are lower bounds of an effect that the exercises need, not measured values.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class When(StrEnum):
    """Hour in which a fault shows."""

    DAY = "day"
    NIGHT = "night"
    CLEANING = "cleaning"
    CHANGEOVER = "changeover"
    REFILL = "refill"


@dataclass(frozen=True)
class Signature:
    """What a fault changes.

    Channels may hold `{place}`, the number of the component that the seed has chosen, or `{other}`, one that is sound.

    Attributes:
        moves: least change of a channel, signed.
        stays: largest change of a channel that must not follow.
        truth: least change of a hidden quantity, signed: what only a special test or the debrief shows.
        silent: channels that give no good reading any more.
        order: channels or hidden quantities with signed amounts, in the order in which the growing severity moves them
            by so much; of a sudden fault in the order of time.
        when: hour to look at.
        severity: at which it is looked at.
        at_once: look from the onset on, because it passes.
    """

    moves: dict[str, float] = field(default_factory=dict)
    stays: dict[str, float] = field(default_factory=dict)
    truth: dict[str, float] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    order: tuple[tuple[str, float], ...] = ()
    when: When = When.DAY
    severity: float = 0.8
    at_once: bool = False


SIGNATURES: dict[str, Signature] = {
    # Pump
    "pump_bearing_outer_race": Signature(
        {
            "MIX-10.envelope_acceleration_g": 1.5,
            "MIX-10.hf_acceleration_g": 0.8,
            "MIX-10.vibration_velocity_mm_s": 0.5,
            "MIX-10.bearing_temperature_degc": 15.0,
            "MIX-10.power_w": 50.0,
        },
        {"MIX-10.suction_bar": 0.02, "MIX-10.discharge_bar": 0.05, "MIX-10.product_flow_l_h": 40.0},
        order=(
            ("MIX-10.envelope_acceleration_g", 0.05),
            ("MIX-10.hf_acceleration_g", 0.1),
            ("MIX-10.vibration_velocity_mm_s", 0.2),
            ("MIX-10.bearing_temperature_degc", 15.0),
        ),
    ),
    "strainer_blocked": Signature(
        {"MIX-10.suction_bar": -0.3, "MIX-10.hf_acceleration_g": 0.2},
        {"MIX-10.bearing_temperature_degc": 6.0, "MIX-10.discharge_bar": 0.1},
        severity=1.0,
        order=(("MIX-10.suction_bar", -0.05), ("MIX-10.hf_acceleration_g", 0.1)),
    ),
    "misalignment": Signature(
        {"MIX-10.vibration_velocity_mm_s": 1.0},
        {"MIX-10.envelope_acceleration_g": 0.1, "MIX-10.suction_bar": 0.02},
    ),
    # Pasteuriser
    "plate_fouling": Signature(
        {
            "PAS-20.plates_differential_bar": 0.2,
            "PAS-20.hot_water_valve_pct": 12.0,
            "PAS-20.regeneration_pct": -5.0,
            "PAS-20.heater_power_w": 4000.0,
        },
        {"PAS-20.holding_a_degc": 0.2, "MIX-10.blend_temperature_degc": 1.0},
    ),
    "feed_colder": Signature(
        {"PAS-20.heater_power_w": 800.0, "MIX-10.blend_temperature_degc": -3.0},
        {"PAS-20.regeneration_pct": 1.0, "PAS-20.plates_differential_bar": 0.03, "PAS-20.holding_a_degc": 0.2},
        order=(("MIX-10.blend_temperature_degc", -1.5), ("PAS-20.heater_power_w", 500.0)),
    ),
    "raw_water_colder": Signature(
        {"PAS-20.heater_power_w": 800.0, "WAT-94.water_temperature_degc": -4.0},
        {"PAS-20.regeneration_pct": 1.0, "PAS-20.plates_differential_bar": 0.03},
        order=(
            ("WAT-94.water_temperature_degc", -4.0),
            ("MIX-10.blend_temperature_degc", -0.5),
            ("PAS-20.heater_power_w", 300.0),
        ),
    ),
    "higher_brix_recipe": Signature(
        {"PAS-20.heater_power_w": 600.0, "MIX-10.brix_degbx": 1.0},
        {"PAS-20.regeneration_pct": 1.0, "PAS-20.plates_differential_bar": 0.05},
    ),
    "holding_sensor_a_high": Signature(
        {"PAS-20.holding_b_degc": -0.8, "PAS-20.hot_water_valve_pct": -0.4, "PAS-20.regeneration_pct": -0.8},
        {"PAS-20.holding_a_degc": 0.15},
        truth={"PAS-20.holding_true_degc": -0.8},
    ),
    "holding_sensor_b_low": Signature(
        {"PAS-20.holding_b_degc": -0.8},
        {"PAS-20.holding_a_degc": 0.15, "PAS-20.hot_water_valve_pct": 0.3},
    ),
    "product_lost_at_changeover": Signature(truth={"MIX-10.changeover_lost_l": 20.0}, when=When.CHANGEOVER),
    # Filler
    "filling_valve_seal": Signature(
        {"QC-40.rejected_fill_count": 50.0},
        {"MONO-30.fill_mean_g": 2.5, "MONO-30.cap_torque_mean_nm": 0.02},
        truth={"MONO-30.fill_valve_{place:02d}_g": -8.0},
        order=(("MONO-30.fill_valve_{place:02d}_g", -3.0), ("QC-40.rejected_fill_count", 20.0)),
    ),
    "capper_head_clutch": Signature(
        {"QC-40.rejected_cap_count": 100.0, "MONO-30.cap_torque_mean_nm": -0.05},
        {"MONO-30.fill_mean_g": 1.0},
        truth={"MONO-30.torque_head_{place}_nm": -0.3},
        order=(
            ("MONO-30.torque_head_{place}_nm", -0.08),
            ("QC-40.rejected_cap_count", 8.0),
            ("QC-40.rejected_cap_count", 150.0),
        ),
    ),
    "cap_batch": Signature(
        {"QC-40.rejected_cap_count": 50.0, "MONO-30.cap_torque_mean_nm": -0.1},
        {"MONO-30.fill_mean_g": 1.0},
        truth={"MONO-30.torque_head_1_nm": -0.1, "MONO-30.torque_head_3_nm": -0.1},
        order=(("MONO-30.cap_torque_mean_nm", -0.04), ("QC-40.rejected_cap_count", 20.0)),
    ),
    "loose_infeed_guide": Signature(
        {"MONO-30.minor_stop_count": 10.0, "MONO-30.cur_mach_speed_bottles_h": -150.0},
        {"MONO-30.fill_mean_g": 1.0},
    ),
    "speed_loss": Signature(
        {"MONO-30.mach_speed_bottles_h": -250.0, "MONO-30.cur_mach_speed_bottles_h": -200.0},
        {"MONO-30.minor_stop_count": 6.0, "MONO-30.fill_time_s": 0.5},
    ),
    "slow_recipe": Signature(
        {"MONO-30.fill_time_s": 2.0, "MONO-30.cur_mach_speed_bottles_h": -100.0},
        {"MONO-30.minor_stop_count": 6.0},
    ),
    "rinse_valve_passing": Signature(
        {"MONO-30.rinse_water_l_h": 60.0, "WAT-94.drain_flow_m3_h": 0.06},
        {"MONO-30.cur_mach_speed_bottles_h": 60.0},
    ),
    # Packaging
    "dirty_photo_eye": Signature(
        {"LAB-50.photo_eye_gain_pct": -30.0, "LAB-50.minor_stop_count": 10.0},
        {"SHR-60.minor_stop_count": 8.0},
        order=(("LAB-50.photo_eye_gain_pct", -10.0), ("LAB-50.minor_stop_count", 3.0)),
    ),
    "label_roll": Signature({"LAB-50.minor_stop_count": 6.0}, {"LAB-50.photo_eye_gain_pct": 2.0}),
    "wrong_label_roll": Signature({"LAB-50.minor_stop_count": 20.0}, {"LAB-50.photo_eye_gain_pct": 2.0}, severity=1.0),
    "tunnel_heater_phase_open": Signature(
        {"SHR-60.current_l{place}_a": -8.0, "SHR-60.power_w": -1500.0},
        {"EL-92.l1_v": 4.0},
        severity=1.0,
        order=(("SHR-60.current_l{place}_a", -5.0), ("SHR-60.zone_2_degc", -5.0), ("SHR-60.held_s", 60.0)),
    ),
    "low_supply_voltage": Signature(
        {"EL-92.l1_v": -15.0, "EL-92.l2_v": -15.0, "EL-92.l3_v": -15.0, "SHR-60.zone_1_degc": -3.0},
        order=(("EL-92.l1_v", -15.0), ("SHR-60.zone_1_degc", -3.0)),
    ),
    "dry_chain": Signature(
        {"CNV-4.power_w": 100.0, "CNV-4.gearbox_temperature_degc": 3.0, "CNV-4.slip_pct": 1.5},
        {"CNV-3.power_w": 60.0, "CNV-4.accumulation_pct": 8.0},
    ),
    "downstream_block": Signature(
        {"CNV-4.accumulation_pct": 15.0, "PAL-70.cur_mach_speed_bottles_h": -300.0}, {"CNV-4.slip_pct": 0.4}
    ),
    "suction_cup": Signature(
        {"PAL-70.vacuum_bar": 0.1, "PAL-70.cycle_s": 1.5},
        {"PAL-70.mach_speed_bottles_h": 1500.0},
        order=(("PAL-70.vacuum_bar", 0.04), ("PAL-70.cycle_s", 1.5), ("PAL-70.minor_stop_count", 3.0)),
    ),
    # Compressed air
    "compressed_air_leaks": Signature(
        {"CA-90.air_demand_m3_min": 0.1, "CA-90.zone_2_m3_min": 0.1, "CA-90.power_w": 300.0},
        {"CA-90.zone_1_m3_min": 0.06},
    ),
    "open_drain": Signature(
        {"CA-90.air_demand_m3_min": 0.1, "CA-90.power_w": 300.0},
        {"CA-90.zone_1_m3_min": 0.06, "CA-90.zone_2_m3_min": 0.05},
    ),
    "compressor_left_on": Signature({"CA-90.power_w": 3000.0}, {"EL-92.hall_w": 100.0}, when=When.NIGHT, severity=1.0),
    "stale_tag": Signature(stays={"CA-90.power_w": 600.0}, silent=("CA-90.receiver_bar",), severity=1.0),
    # Chiller
    "dirty_condenser": Signature(
        {"CH-91.condensing_bar": 1.0, "CH-91.power_w": 800.0},
        {"CH-91.superheat_k": 0.6, "CH-91.subcooling_k": 1.0, "CH-91.condenser_air_degc": 0.3},
        order=(("CH-91.condensing_bar", 0.15), ("CH-91.supply_degc", 0.04)),
    ),
    "hot_weather": Signature(
        {"CH-91.condensing_bar": 0.6, "CH-91.condenser_air_degc": 5.0},
        {"CH-91.subcooling_k": 1.0},
        order=(("CH-91.condenser_air_degc", 1.0), ("CH-91.condensing_bar", 0.1)),
    ),
    "non_condensables": Signature(
        {"CH-91.condensing_bar": 1.0, "CH-91.subcooling_k": 4.0}, {"CH-91.condenser_air_degc": 0.3}
    ),
    "low_refrigerant": Signature(
        {
            "CH-91.superheat_k": 5.0,
            "CH-91.subcooling_k": -2.0,
            "CH-91.suction_bar": -0.3,
            "CH-91.supply_degc": 0.5,
        },
        order=(
            ("CH-91.subcooling_k", -0.5),
            ("CH-91.superheat_k", 3.0),
            ("CH-91.suction_bar", -0.2),
            ("CH-91.supply_degc", 1.0),
        ),
    ),
    "clogged_drier": Signature(
        {"CH-91.superheat_k": 5.0, "CH-91.subcooling_k": 3.0, "CH-91.suction_bar": -0.3, "CH-91.supply_degc": 0.5},
        order=(
            ("CH-91.subcooling_k", 0.3),
            ("CH-91.superheat_k", 3.0),
            ("CH-91.suction_bar", -0.2),
            ("CH-91.supply_degc", 1.0),
        ),
    ),
    "pressure_unit_swap": Signature({"CH-91.suction_bar": 50.0}, {"CH-91.superheat_k": 0.6}, severity=1.0),
    "stuck_sensor": Signature(stays={"CH-91.return_degc": 0.5}, severity=1.0),
    # Electricity
    "night_baseload": Signature({"EL-92.hall_w": 3000.0, "EL-92.grid_w": 3000.0}, when=When.NIGHT, severity=1.0),
    "cold_store_needed": Signature({"EL-92.hall_w": 3000.0, "EL-92.grid_w": 3000.0}, when=When.NIGHT, severity=1.0),
    "idle_left_on": Signature(
        {"EL-92.hall_w": 4000.0, "EL-92.grid_w": 4000.0}, {"CA-90.power_w": 100.0}, when=When.NIGHT, severity=1.0
    ),
    "demand_peak": Signature({"EL-92.hall_w": 1000.0}, {"EL-92.pv_w": 500.0}, severity=1.0),
    "cloud_over_pv": Signature({"EL-92.pv_w": -1500.0}, {"EL-92.hall_w": 300.0}, severity=1.0),
    "power_cut": Signature({"EL-92.generator_w": 5000.0}, severity=1.0, at_once=True),
    "restart_inrush": Signature(truth={"EL-92.generator_trips": 0.1}, severity=1.0, at_once=True),
    # Water and cleaning
    "conductivity_sensor_fouling": Signature(
        {"CIP-93.return_conductivity_ms_cm": -0.3}, {"CIP-93.return_temperature_degc": 1.0}, when=When.CLEANING
    ),
    # Sensors and people
    "spiking_sensor": Signature(
        {"MIX-10.bearing_temperature_degc": 0.3}, {"MIX-10.vibration_velocity_mm_s": 0.1}, severity=1.0
    ),
    "dead_sensor_battery": Signature(
        stays={"MIX-10.bearing_temperature_degc": 1.0}, silent=("MIX-10.vibration_velocity_mm_s",), severity=1.0
    ),
    "wrong_recipe": Signature({"MIX-10.brix_degbx": -0.3}, severity=1.0),
    "late_refill": Signature(
        stays={"LAB-50.minor_stop_count": 3.0}, truth={"LAB-50.held_s": 40.0}, when=When.REFILL, severity=1.0
    ),
}

TWINS: dict[tuple[str, str], tuple[str, float]] = {
    ("strainer_blocked", "pump_bearing_outer_race"): ("MIX-10.suction_bar", -0.25),
    ("plate_fouling", "feed_colder"): ("PAS-20.regeneration_pct", -4.0),
    ("plate_fouling", "higher_brix_recipe"): ("PAS-20.regeneration_pct", -4.0),
    ("plate_fouling", "raw_water_colder"): ("PAS-20.regeneration_pct", -4.0),
    ("holding_sensor_a_high", "holding_sensor_b_low"): ("PAS-20.holding_true_degc", -0.8),
    ("filling_valve_seal", "capper_head_clutch"): ("MONO-30.fill_valve_{place:02d}_g", -8.0),
    ("capper_head_clutch", "cap_batch"): ("MONO-30.torque_head_{other}_nm", 0.1),
    ("dry_chain", "downstream_block"): ("CNV-4.slip_pct", 1.5),
    ("dirty_photo_eye", "label_roll"): ("LAB-50.photo_eye_gain_pct", -30.0),
    ("dirty_condenser", "hot_weather"): ("CH-91.condenser_air_degc", -5.0),
    ("dirty_condenser", "non_condensables"): ("CH-91.subcooling_k", -3.0),
    ("low_refrigerant", "clogged_drier"): ("CH-91.subcooling_k", -5.0),
    ("tunnel_heater_phase_open", "low_supply_voltage"): ("EL-92.l2_v", 15.0),
    ("compressed_air_leaks", "open_drain"): ("CA-90.zone_2_m3_min", 0.1),
    ("demand_peak", "cloud_over_pv"): ("EL-92.pv_w", 1500.0),
    ("power_cut", "restart_inrush"): ("EL-92.generator_trips", -0.1),
    ("rinse_valve_passing", "conductivity_sensor_fouling"): ("MONO-30.rinse_water_l_h", 60.0),
    ("loose_infeed_guide", "speed_loss"): ("MONO-30.minor_stop_count", 8.0),
}
"""Fault and twin -> the channel that separates them, and by how much the fault's change exceeds the twin's."""
