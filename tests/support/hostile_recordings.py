"""Invalid recordings in requests to the model of small_models.whistles."""

import json

import numpy as np

from tests.support.request_bodies import (
    FLAC,
    JSON,
    PNG,
    WAV,
    InvalidRequest,
    base64_object,
    blank_png,
    recording_body,
    wav,
)

HUGE_RATE = wav()[:24] + (2_000_000_000).to_bytes(4, "little") + wav()[28:]
WHISTLES_REQUESTS = {
    "a recording of no bytes": InvalidRequest(b"", WAV, 400, "found an empty one"),
    "a WAV of twenty bytes": InvalidRequest(wav()[:20], WAV, 400, "one that is damaged"),
    "a WAV without a sample": InvalidRequest(wav(np.zeros(0)), WAV, 400, "without a sample"),
    "a WAV of two thousand million samples a second": InvalidRequest(HUGE_RATE, WAV, 400, "found 2000000000 in 1"),
    "a WAV of infinite samples": InvalidRequest(
        wav(np.full(9, np.inf), subtype="FLOAT"), WAV, 400, "expected samples that are numbers"
    ),
    "a FLAC that is cut off": InvalidRequest(
        wav(np.random.default_rng(0).normal(size=300) * 0.1, format="FLAC")[:300], FLAC, 400, "recording"
    ),
    "a WAV that is called FLAC": InvalidRequest(wav(), FLAC, 400, "expected audio/flac as the content type says"),
    "noise that is called WAV": InvalidRequest(b"?" * 99, WAV, 400, "99 bytes that are neither WAV nor FLAC"),
    "a picture for a recording": InvalidRequest(blank_png(), PNG, 415, 'found "image/png"'),
    "an MP3": InvalidRequest(b"ID3" + bytes(99), "audio/mpeg", 415, 'found "audio/mpeg"'),
    "a recording as a list": InvalidRequest(json.dumps({"recording": [1, 2]}).encode(), JSON, 400, "a list of 2"),
    "a recording that is a picture in JSON": InvalidRequest(recording_body(blank_png()), JSON, 400, "neither WAV nor"),
    "a recording that is no base64": InvalidRequest(
        json.dumps({"recording": {"b64": "???"}}).encode(), JSON, 400, "recording.b64: expected base64 text"
    ),
    "a recording under another key": InvalidRequest(
        json.dumps({"recording": {"wav": base64_object(wav())["b64"]}}).encode(), JSON, 400, "expected {"
    ),
}
