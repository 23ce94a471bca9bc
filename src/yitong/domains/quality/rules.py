"""What is to be done about a recording that the check complains of, in the words of the person who must do it."""

from __future__ import annotations

NEXT: dict[str, dict[str, str]] = {
    "missing": {
        "en": "The file is not there. Put it back from a backup under this name; if there is none, delete the recording with that reason.",
        "zh-CN": "文件不存在。请从备份中按此名称恢复；如无备份，请删除该录音并注明原因。",
    },
    "damaged": {
        "en": "The sealed file was changed or cut. Put it back from a backup; look at the disk and at who may write there.",
        "zh-CN": "加密文件被改动或截断。请从备份恢复，并检查磁盘以及谁可以写入该目录。",
    },
    "digest": {
        "en": "The content is not what was recorded (SHA-256). Put it back from a backup; look at who may write there.",
        "zh-CN": "内容与录制时不一致（SHA-256）。请从备份恢复，并检查谁可以写入该目录。",
    },
    "length": {
        "en": "The file is not as long as the ledger says. Put it back from a backup; look whether the disk was full.",
        "zh-CN": "文件长度与账本不符。请从备份恢复，并检查磁盘是否曾经写满。",
    },
    "key_missing": {
        "en": "The recording is whole, but its key is not in the keys folder. Put the key's file back from a backup: nothing else helps.",
        "zh-CN": "录音完好，但密钥目录中没有它的密钥。请从备份放回密钥文件；没有它无法打开。",
    },
    "sound": {
        "en": "It did not sound the same as Ogg Opus and stays WAV. Nothing is lost; tell the makers.",
        "zh-CN": "转换为 Ogg Opus 后与原声不一致，因此保留 WAV。没有丢失内容；请告知开发者。",
    },
    "unreadable": {
        "en": "The file is no sound. Put it back from a backup; look whether the disk was full.",
        "zh-CN": "文件不是可读的声音。请从备份恢复，并检查磁盘是否曾经写满。",
    },
    "lost": {
        "en": "The recording was begun and never ended, and has no file. Look into the media process' log of that time: disk, crash.",
        "zh-CN": "录音已开始但没有结束，也没有文件。请查看当时媒体进程的日志：磁盘或崩溃。",
    },
    "orphan": {
        "en": "No recording knows this file. Is it left of a restored backup, remove it; else keep it until the ledger is complete again.",
        "zh-CN": "没有录音对应此文件。若为恢复备份所遗留，请移除；否则保留到账本完整为止。",
    },
    "part": {
        "en": "A file that was never finished. It is removed by itself.",
        "zh-CN": "未写完的文件，将自动清除。",
    },
}
"""By code and language."""


def next_step(code: str, language: str) -> str:
    """What to do about a fault."""
    said = NEXT.get(code, NEXT["damaged"])
    return said.get(language, said["en"])
