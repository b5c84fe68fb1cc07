"""Doubts that travel with a figure: each flag is a typed value with its own sentence."""

from enum import StrEnum


class Flag(StrEnum):
    """A doubt about a reading or a trial. `sentence` says it in words for a reader."""

    BELOW_RESOLUTION = "below_resolution"
    COUNTER_STUCK = "counter_stuck"
    COUNTER_BACKWARDS = "counter_backwards"
    COUNTER_JUMPED = "counter_jumped"
    READS_IMPOSSIBLE = "reads_impossible"
    CLOCK_STEPPED = "clock_stepped"
    READS_FAILED = "reads_failed"
    WINDOW_NOT_COVERED = "window_not_covered"
    UNDERSAMPLED = "undersampled"
    SENSORS_DISAGREE = "sensors_disagree"
    PART_TIME_SENSOR = "part_time_sensor"
    MODELLED = "modelled"
    MIXED_METHODS = "mixed_methods"
    CPU_NOT_MEASURED = "cpu_not_measured"
    GPU_NOT_MEASURED = "gpu_not_measured"
    DRAM_NOT_MEASURED = "dram_not_measured"
    IDLE_DRIFT = "idle_drift"
    IDLE_UNSETTLED = "idle_unsettled"
    IDLE_BUSY = "idle_busy"
    OTHER_LOAD = "other_load"
    FOREIGN_GPU_PROCESS = "foreign_gpu_process"
    THROTTLED = "throttled"
    GOVERNOR = "governor"
    ON_BATTERY = "on_battery"
    SUPPLY_CHANGED = "supply_changed"
    SHARED_WINDOW = "shared_window"
    CLIENT_TIMED = "client_timed"
    SYNTHETIC_MODEL = "synthetic_model"
    WINDOW_SHORT = "window_short"
    PROMPT_CACHED = "prompt_cached"
    CACHE_UNKNOWN = "cache_unknown"
    LENGTH_NOT_FIXED = "length_not_fixed"
    SERVER_ELSEWHERE = "server_elsewhere"
    LINES_LEFT_OUT = "lines_left_out"
    TIMES_ASSUMED = "times_assumed"
    UNIT_ASSUMED = "unit_assumed"
    NO_ENERGY = "no_energy"
    SERVER_TIMES_IMPOSSIBLE = "server_times_impossible"
    TOKENS_IN_BURSTS = "tokens_in_bursts"
    LOADED_IN_WINDOW = "loaded_in_window"
    SETTING_REFUSED = "setting_refused"
    TLS_UNCHECKED = "tls_unchecked"

    @property
    def sentence(self) -> str:
        """What the flag means, in one sentence."""
        return _SENTENCES[self]


DISTURBANCES = frozenset(
    {
        Flag.OTHER_LOAD,
        Flag.FOREIGN_GPU_PROCESS,
        Flag.THROTTLED,
        Flag.IDLE_DRIFT,
        Flag.IDLE_BUSY,
        Flag.LOADED_IN_WINDOW,
    }
)
"""What happened to a trial and may have moved its figures: it is marked wherever it is shown."""

_SENTENCES: dict[Flag, str] = {
    Flag.BELOW_RESOLUTION: "The window is too short for this sensor; lengthen it or repeat.",
    Flag.COUNTER_STUCK: "The energy counter stood still for longer than its update period.",
    Flag.COUNTER_BACKWARDS: "The energy counter ran backwards; the stretch was left out.",
    Flag.COUNTER_JUMPED: (
        "The energy counter rose by more than the device can draw; the stretch was left out."
    ),
    Flag.READS_IMPOSSIBLE: "Single reads of the energy counter could not be true and were dropped.",
    Flag.CLOCK_STEPPED: "The clock stepped while sampling.",
    Flag.READS_FAILED: "Some sensor reads failed; none was replaced by a number.",
    Flag.WINDOW_NOT_COVERED: "The samples do not cover the whole window.",
    Flag.UNDERSAMPLED: "Samples are further apart than the sensor can bridge.",
    Flag.SENSORS_DISAGREE: "Counter and integrated power disagree beyond their uncertainties.",
    Flag.PART_TIME_SENSOR: "The sensor sees only part of the time.",
    Flag.MODELLED: "Modelled, not measured.",
    Flag.MIXED_METHODS: "The sum mixes measured and modelled domains.",
    Flag.CPU_NOT_MEASURED: "CPU energy is not measured on this machine.",
    Flag.GPU_NOT_MEASURED: "GPU energy is not measured on this machine.",
    Flag.DRAM_NOT_MEASURED: "DRAM energy is not measured on this machine.",
    Flag.IDLE_DRIFT: "Idle power of the sum moved by over a tenth since the arm's first trial.",
    Flag.IDLE_UNSETTLED: "Idle power did not settle in the time allowed, so none was recorded.",
    Flag.IDLE_BUSY: "Another process was busy while idle power was measured, so none was recorded.",
    Flag.OTHER_LOAD: "Another process was busy on this machine.",
    Flag.FOREIGN_GPU_PROCESS: "Another process held the GPU.",
    Flag.THROTTLED: "The device throttled.",
    Flag.GOVERNOR: "The CPU governor saves power, so the speed may vary.",
    Flag.ON_BATTERY: "The machine ran on battery.",
    Flag.SUPPLY_CHANGED: (
        "The machine was plugged in or unplugged meanwhile; the window is compared with no other."
    ),
    Flag.SHARED_WINDOW: "Several streams shared the window; per-reply energy is a share.",
    Flag.CLIENT_TIMED: "Prefill and decode were timed by the client, not the server.",
    Flag.SYNTHETIC_MODEL: "Random weights: speed and energy only, the text means nothing.",
    Flag.WINDOW_SHORT: "The window ended before the protocol's minimum length.",
    Flag.PROMPT_CACHED: "The server took part of a prompt from its cache, so prefill did less.",
    Flag.CACHE_UNKNOWN: "The server does not tell which prompts its cache spared it.",
    Flag.LENGTH_NOT_FIXED: "Replies did not have the fixed length; compare joules per token.",
    Flag.SERVER_ELSEWHERE: "The server runs on another machine, whose energy is not measured.",
    Flag.LINES_LEFT_OUT: "Part of the log could not be read and was left out.",
    Flag.TIMES_ASSUMED: "The log does not tell its times; they were taken from what you named.",
    Flag.UNIT_ASSUMED: "The log names no unit; it was taken from the name of the sensor.",
    Flag.NO_ENERGY: "The log holds no energy.",
    Flag.SERVER_TIMES_IMPOSSIBLE: (
        "The server's own times cannot be right, so prefill and decode are not told apart by them."
    ),
    Flag.TOKENS_IN_BURSTS: (
        "Tokens did not arrive one by one, so prefill and decode could not be told apart."
    ),
    Flag.LOADED_IN_WINDOW: (
        "The server loaded its model during a reply; that time and energy are in the figures."
    ),
    Flag.SETTING_REFUSED: "The server refused an optional setting and was asked without it.",
    Flag.TLS_UNCHECKED: "The server's certificate was not checked, as --insecure asks.",
}
