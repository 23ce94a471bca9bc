"""What is wrong in a flow, as a sentence for the person who edits it: per code of the checker and language."""

from __future__ import annotations

from yitong.flow.step import Problem

TEXTS: dict[str, tuple[str, str]] = {
    "flow.bad_expression": (
        "表达式“{expression}”有误：{message}。请改正。",
        "The expression “{expression}” is wrong: {message}. Correct it.",
    ),
    "flow.cannot_speak": (
        "“{language}”文字“{text}”无法朗读（{message}）。请改写，或改用上传的提示音。",
        "The “{language}” text “{text}” cannot be spoken ({message}). Write it differently, or use an uploaded prompt.",
    ),
    "flow.endless_loop": (
        "这些步骤会无人操作地循环下去。请让其中一步等待按键，或改走别处。",
        "This step goes round without anybody acting. Let one step of the circle wait for a key, or lead elsewhere.",
    ),
    "flow.form": ("{at} 的格式不对：{message}。请改正。", "The form of {at} is wrong: {message}. Correct it."),
    "flow.minimum_above_maximum": ("最少位数大于最多位数。请改正。", "The minimum is above the maximum. Correct one of them."),
    "flow.help_key_taken": (
        "求助键“{key}”在这个菜单里另有含义。请换一个键。",
        "The key for help, “{key}”, means something else in this menu. Choose another key.",
    ),
    "flow.not_beside_an_agent": (
        "座席等待期间，客户不能进入“{kind}”步骤。请改走别处，或取消座席等待。",
        "While an agent waits a customer cannot come to a step of kind “{kind}”. Lead elsewhere, or do not let the agent wait.",
    ),
    "flow.not_collected": (
        "没有步骤收集“{name}”，却要把它交还座席。请补上，或从列表中删除。",
        "No step collects “{name}”, which is to be given back to the agent. Add one, or remove the name.",
    ),
    "flow.no_return": (
        "座席在此等待，但没有“返回”步骤。请加上，或取消座席等待。",
        "An agent waits here, but no step of kind “return” follows. Add one, or do not let the agent wait.",
    ),
    "flow.secret_copied": (
        "保密数据“{name}”不能复制到会保存的变量中。请删除这个表达式。",
        "The secret “{name}” must not be copied into a variable that is kept. Remove that expression.",
    ),
    "flow.unnamed_data": (
        "数据“{name}”没有名称，座席看不懂。请在 data 中写上名称。",
        "The data “{name}” has no name that agents could read. Give it one under “data”.",
    ),
    "flow.no_exit": (
        "从这一步走不到结束。请连到挂机或转接步骤。",
        "No end can be reached from this step. Lead it to one that hangs up or transfers.",
    ),
    "flow.no_prompt": ("没有“{language}”的提示音“{prompt}”。请先上传。", "There is no prompt “{prompt}” in “{language}”. Upload it first."),
    "flow.no_speech": (
        "此处要朗读“{language}”文字，但没有录音，也未安装语音合成。请上传提示音。",
        "Text in “{language}” would be spoken here, but there is no recording and no speech engine. Upload a prompt.",
    ),
    "flow.no_live_speech": (
        "此处的文字含通话数据，须在通话中朗读，但未安装语音合成。"
        "请安装（pip install 'yitong[speech]'），并在 otherwise 中指定代替的提示音。",
        "This text has call data in it and is spoken during the call, but there is no speech engine. Install it "
        "(pip install 'yitong[speech]'), and name prompts under “otherwise” that are played in its place.",
    ),
    "flow.nothing_otherwise": (
        "此处的文字含通话数据，在通话中朗读；无法朗读时没有可播放的内容。请在 otherwise 中指定代替的提示音。",
        "This text has call data in it and is spoken during the call; nothing is there for when that cannot be done. "
        "Name prompts under “otherwise”.",
    ),
    "flow.call_data_in_prompt": (
        "通话数据只能在“朗读”步骤中播报。请把这段文字移到 say 步骤。",
        "Call data can be spoken by a step of kind “say” only. Move this text to one.",
    ),
    "flow.no_way_on": ("结果“{outcome}”之后没有下一步。请连上。", "Nothing follows the outcome “{outcome}”. Connect it."),
    "flow.unknown_extension": ("没有分机 {extension}。请从列表中选择。", "There is no extension {extension}. Choose one from the list."),
    "flow.unknown_outcome": (
        "这一步不会有结果“{outcome}”。请删除这条连线。",
        "This step never has the outcome “{outcome}”. Remove that connection.",
    ),
    "flow.unknown_mailbox": ("没有语音信箱“{mailbox}”。请先添加。", "There is no mailbox “{mailbox}”. Add it first."),
    "flow.no_text_line": (
        "没有可用的短信网关连接。请先在“设置 › 短信网关”中添加并启用。",
        "There is no connection for text messages. Add and enable one under Settings › Text message connections first.",
    ),
    "flow.unknown_fax": ("没有传真文件“{document}”。请先上传。", "There is no fax document “{document}”. Upload it first."),
    "flow.unknown_room": ("没有会议室“{room}”。请从列表中选择。", "There is no conference room “{room}”. Choose one from the list."),
    "flow.unknown_queue": ("没有队列“{queue}”。请从列表中选择。", "There is no queue “{queue}”. Choose one from the list."),
    "flow.unknown_start": (
        "开始步骤“{start}”不存在。请选择一个步骤作为开始。",
        "The start “{start}” is no step. Choose the step to begin with.",
    ),
    "flow.unknown_step": (
        "下一步“{target}”不存在。请改连到已有的步骤。",
        "The next step “{target}” does not exist. Connect an existing one.",
    ),
    "flow.unknown_zone": (
        "没有时区“{zone}”。请用 IANA 名称，如 Asia/Shanghai。",
        "There is no zone “{zone}”. Use an IANA name such as Asia/Shanghai.",
    ),
    "flow.unreachable": ("没有任何步骤通向这里。请连上或删除。", "No step leads here. Connect it or remove it."),
}


def text_of(problem: Problem, language: str) -> str:
    """The sentence of ``problem``; its code and parameters where the checker is newer than this table."""
    texts = TEXTS.get(problem.code)
    if texts is None:
        return f"{problem.code} {problem.parameters}"
    try:
        return texts[0 if language == "zh-CN" else 1].format(**problem.parameters)
    except KeyError:
        return f"{problem.code} {problem.parameters}"
