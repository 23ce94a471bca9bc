"""What the interface says when it refuses, per stable code and language. Each sentence says what to do next.

A code never changes its meaning; sentences may be improved. ``{name}`` is filled from the problem's parameters.
"""

from __future__ import annotations

import msgspec


class Sentence(msgspec.Struct, frozen=True):
    """A refusal: its HTTP status (RFC 9110 §15) and its text in each language."""

    status: int
    zh: str
    en: str


SENTENCES: dict[str, Sentence] = {
    # who you are
    "not_signed_in": Sentence(401, "尚未登录。请先登录再继续。", "You are not signed in. Sign in and try again."),
    "session_ended": Sentence(401, "登录已失效。请重新登录。", "Your session has ended. Sign in again."),
    "wrong_credentials": Sentence(
        401,
        "用户名或密码不正确。请检查后重试，或联系管理员。",
        "The user name or password is not right. Check both and try again, or ask an administrator.",
    ),
    "too_many_attempts": Sentence(
        429, "尝试次数过多。请在 {retry_after} 秒后重试。", "Too many attempts. Try again in {retry_after} seconds."
    ),
    "wrong_password": Sentence(403, "原密码不正确。请重新输入。", "The old password is not right. Enter it again."),
    "weak_password": Sentence(
        422,
        "新密码不合格：至少 {minimum} 个字符，且不能与用户名或原密码相同。请换一个。",
        "The new password will not do: at least {minimum} characters, not the user name, not the old one. Choose another.",
    ),
    "forbidden": Sentence(
        403, "您没有权限“{right}”。如确有需要，请联系管理员。", "You lack the right “{right}”. Ask an administrator if you need it."
    ),
    "no_agent": Sentence(
        409,
        "此账号不是座席。请用座席账号登录，或请管理员设置分机。",
        "This user is not an agent. Sign in as an agent, or have an administrator set an extension.",
    ),
    "origin_refused": Sentence(
        403, "请求来自其他网站，已拒绝。请从本系统页面操作。", "The request came from another site. Use this system's own page."
    ),
    "desk_locked": Sentence(423, "座席已锁定。请先用密码解锁。", "The desk is locked. Unlock it with the password first."),
    "wrong_unlock": Sentence(
        403, "密码不正确，座席仍锁定。请重新输入。", "The password is not right; the desk stays locked. Enter it again."
    ),
    # recordings of talks
    "not_recorded": Sentence(409, "此通话没有在录音，无需暂停。", "This talk is not being recorded: there is nothing to pause."),
    "no_pause": Sentence(
        409,
        "此队列不允许暂停录音。如需要，请管理员在队列设置中放行。",
        "This queue allows no pause in recordings. An administrator can allow it in the queue's settings.",
    ),
    "recorded_on_demand": Sentence(
        409, "此通话已由他人按需录音，请等其结束。", "Somebody else already records this talk on demand. Wait until that ends."
    ),
    "recording_forbidden": Sentence(
        409,
        "此队列的通话不得录音。如需要，请管理员修改队列设置。",
        "Talks of this queue must not be recorded. An administrator can change that in the queue's settings.",
    ),
    # what you asked for
    "not_found": Sentence(
        404,
        "没有找到。它可能已被删除，或不在您的权限范围内。请返回列表查看。",
        "Not found. It may have been deleted, or lies outside what you may see. Go back to the list.",
    ),
    "method_not_allowed": Sentence(
        405, "此地址不支持这种操作。请查阅接口说明。", "This address does not take that method. See the API description."
    ),
    "invalid": Sentence(
        422, "有 {count} 处内容不正确：{where}。请改正后重试。", "{count} value(s) are not right: {where}. Correct them and try again."
    ),
    "invalid_json": Sentence(400, "请求内容不是有效的 JSON。请检查格式。", "The body is not valid JSON. Check its form."),
    "bad_request": Sentence(400, "请求无法理解。请检查后重试。", "The request cannot be understood. Check it and try again."),
    "cursor_invalid": Sentence(422, "翻页标记无效。请从第一页重新开始。", "The cursor is not valid. Start again from the first page."),
    "body_too_large": Sentence(
        413, "内容过大，上限为 {limit} 字节。请减小后重试。", "The body is too large; the limit is {limit} bytes. Send less."
    ),
    "unsupported_media": Sentence(415, "不支持这种内容类型。请使用 {expected}。", "This content type is not taken. Use {expected}."),
    "range_not_satisfiable": Sentence(
        416,
        "请求的范围超出录音长度（{size} 字节）。请从头播放。",
        "The range lies outside the recording ({size} bytes). Play from the start.",
    ),
    "not_acceptable": Sentence(406, "无法提供所要求的格式。", "The format asked for cannot be given."),
    # what you want to change
    "if_match_missing": Sentence(
        428,
        "缺少 If-Match。请先读取最新版本，再带上其版本号提交。",
        "If-Match is missing. Read the latest version first and send its ETag.",
    ),
    "if_match_unusable": Sentence(
        412, "If-Match 不是有效的版本号。请使用读取时得到的 ETag。", "If-Match does not hold a version. Send the ETag that you were given."
    ),
    "stale_version": Sentence(
        409,
        "内容已被他人修改（当前版本 {current}）。请重新读取，核对后再保存。",
        "Someone else has changed it (version {current} now). Read it again, compare, and save once more.",
    ),
    "exists": Sentence(
        409, "“{value}”已存在。请换一个，或修改已有的那一个。", "“{value}” exists already. Choose another, or change the existing one."
    ),
    "in_use": Sentence(409, "仍被使用，不能删除：{where}。请先在那里取消使用。", "It is still used by {where}. Remove it there first."),
    "unknown_reference": Sentence(
        422, "{field} 指向不存在的项目。请从列表中选择。", "{field} points to something that does not exist. Choose from the list."
    ),
    "idempotency_mismatch": Sentence(
        422, "同一个 Idempotency-Key 已用于不同的请求。请换一个新的。", "This Idempotency-Key was used for another request. Send a new one."
    ),
    "idempotency_in_progress": Sentence(
        409, "同一请求正在处理。请稍候再查询结果。", "The same request is being worked on. Wait a moment and ask again."
    ),
    "idempotency_answer_lost": Sentence(
        409,
        "同一请求已经完成，但当时的答复未能送达。请查询结果，不要再次提交。",
        "This request was carried out, but its answer was lost. Look at the result; do not send it again.",
    ),
    "idempotency_key_invalid": Sentence(
        400, "Idempotency-Key 应为 1 到 200 个可见字符。", "Idempotency-Key must be 1 to 200 visible characters."
    ),
    "flow_has_problems": Sentence(
        422,
        "流程有 {count} 个问题，未发布。请按所列步骤改正。",
        "The flow has {count} problem(s) and was not published. Correct the steps named.",
    ),
    "reason_missing": Sentence(
        422, "请说明理由（X-Reason）。理由会写入审计日志。", "Say why (X-Reason). The reason is written into the audit log."
    ),
    "recording_held": Sentence(
        409,
        "该录音已保全，不能删除。请先由有权限的人解除保全。",
        "This recording is held and cannot be deleted. Somebody with the right must end the hold first.",
    ),
    "recording_deleted": Sentence(
        410,
        "该录音已删除。在期限之内，有权限的人可以恢复（{until}）。",
        "This recording was deleted. Until its time is over somebody with the right can bring it back ({until}).",
    ),
    "period_invalid": Sentence(
        422,
        "时间段不对。请选择先后顺序正确、不超过 {days} 天的日期。",
        "That period cannot be counted. Choose at most {days} days, the first one first.",
    ),
    "own_talk": Sentence(
        409, "不能给自己的通话评分。请由其他有权限的人评分。", "Nobody assesses his own talks. Somebody else with the right must do it."
    ),
    "assessed_already": Sentence(
        409,
        "这段录音已经用这份评分表评过。请打开已有的评分。",
        "This recording was assessed by this sheet before. Open that assessment.",
    ),
    "marks_missing": Sentence(
        409,
        "还有 {count} 项没有评分。请逐项评分，没有出现的情况请选“不适用”。",
        "{count} criteria have no mark yet. Mark them all; choose N/A for what did not occur.",
    ),
    "mark_invalid": Sentence(
        422,
        "评分项 {criterion} 的分数不在评分表允许的范围内。请重新评分。",
        "The mark of {criterion} is not one that the sheet allows. Mark it again.",
    ),
    "recording_purged": Sentence(
        410,
        "该录音已彻底清除，无法恢复；备份中的副本按备份期限失效。",
        "This recording is gone for good; copies in backups end with these.",
    ),
    "recording_missing": Sentence(
        409,
        "录音文件不存在。请管理员运行 yitong recordings check 并从备份恢复。",
        "The recording's file is not there. Have an administrator run yitong recordings check and put it back from a backup.",
    ),
    "recording_damaged": Sentence(
        409,
        "录音文件已损坏或被改动。请管理员运行 yitong recordings check 并从备份恢复。",
        "The recording's file is damaged or was changed. Have an administrator run yitong recordings check and put it back from a backup.",
    ),
    "recording_key_missing": Sentence(
        409,
        "录音完好，但缺少打开它的密钥 {key}。请管理员把该密钥文件放回密钥目录。",
        "The recording is whole, but the key that opens it is missing: {key}. Have an administrator put its file back into the keys.",
    ),
    "link_invalid": Sentence(
        403, "链接无效：不是系统给出的，或已被改动。请从页面重新播放或下载。",
        "The link is not one that was given out, or was changed. Play or download from the page again.",
    ),
    "link_expired": Sentence(
        410, "链接已过期（五分钟）。请从页面重新播放或下载。", "The link's five minutes are over. Play or download from the page again."
    ),
    "link_elsewhere": Sentence(
        403, "链接只能在请求它的浏览器中使用。请登录后从页面播放或下载。",
        "The link works in the browser alone that asked for it. Sign in and play or download from the page.",
    ),
    "link_used": Sentence(
        410, "该下载链接已用过一次。请从页面重新下载。", "This link was used to download already. Download from the page again."
    ),
    "fax_damaged": Sentence(
        409,
        "传真文件已损坏或被改动。请管理员运行 yitong recordings check 并从备份恢复。",
        "The fax's file is damaged or was changed. Have an administrator run yitong recordings check and put it back from a backup.",
    ),
    "fax_key_missing": Sentence(
        409,
        "传真完好，但缺少打开它的密钥 {key}。请管理员把该密钥文件放回密钥目录。",
        "The fax is whole, but the key that opens it is missing: {key}. Have an administrator put its file back into the keys.",
    ),
    "fax_refused": Sentence(
        422,
        "无法制成传真（{reason}）。请上传 PDF 文件或 TIFF、PNG、JPEG 图片，或填写文字，最多 200 页。",
        "No fax can be made of this ({reason}). Upload a PDF or a TIFF, PNG or JPEG picture, or give a text, 200 pages at most.",
    ),
    "pdf_locked": Sentence(
        422,
        "该 PDF 设有密码，无法制成传真。请用 PDF 阅读器打开后另存或打印为不加密的 PDF，再上传。",
        "This PDF is protected by a password. Open it in a PDF reader, save or print it as a PDF without one, then upload that.",
    ),
    "pdf_broken": Sentence(
        422,
        "该 PDF 已损坏或没有页面，无法读取。请重新导出或打印为 PDF 后再上传。",
        "This PDF is damaged or has no pages. Export or print it as a PDF again, then upload that.",
    ),
    "pdf_slow": Sentence(
        422,
        "该 PDF 过于复杂，一分钟内无法制成传真。请减少页数，或打印为 PDF 后再上传。",
        "This PDF is too complex: it could not be made into a fax within a minute. Give fewer pages, or print it as a PDF first.",
    ),
    "no_notice": Sentence(
        409,
        "该语音信箱没有设置短信通知号码。请管理员在“设置 › 语音信箱”中填写。",
        "This mailbox has no number for notices. Have an administrator enter one under Settings › Mailboxes.",
    ),
    "no_text_line": Sentence(
        409,
        "还没有可用的短信网关连接。请管理员在“设置 › 短信网关”中添加并启用。",
        "There is no connection for text messages yet. Have an administrator add and enable one under Settings › Text message connections.",
    ),
    "text_no_number": Sentence(
        409,
        "不知道这位客户的号码（未显示或已清除），无法发送短信。请向客户询问手机号码。",
        "This customer's number is not known (withheld or erased), so no text can be sent. Ask the customer for a mobile number.",
    ),
    "text_not_allowed": Sentence(
        409,
        "短信网关不向这类号码发送短信。请使用手机号码，或请管理员在“设置 › 短信网关”中调整。",
        "No connection sends text messages to numbers of this class. Use a mobile number, or have an administrator change the connection.",
    ),
    "text_empty": Sentence(422, "短信内容为空。请换一个模板。", "The text message would be empty. Choose another template."),
    "text_not_over": Sentence(
        409,
        "这条短信还在发送或已被网关接收，不能重发。请刷新后再看。",
        "This message is still being sent, or the message centre has it: it cannot be sent again. Refresh the list.",
    ),
    "text_left": Sentence(
        409,
        "这条短信已经交给网关，无法取消。",
        "This message was handed over already and cannot be cancelled.",
    ),
    "unknown_template": Sentence(422, "没有这个短信模板。请从列表中选择。", "There is no such template. Choose one from the list."),
    "too_many_lines": Sentence(
        422,
        "号码清单过长，最多 {limit} 行。请分成几份发送。",
        "The list of numbers is too long: {limit} lines at most. Send it in parts.",
    ),
    "prompt_refused": Sentence(
        422,
        "该文件不能用作提示音：{reason}。请上传不超过 10 分钟的 WAV、FLAC、OGG 或 MP3。",
        "The file cannot be used as a prompt: {reason}. Upload WAV, FLAC, OGG or MP3 of at most ten minutes.",
    ),
    "no_mail": Sentence(
        409,
        "此信箱没有设置邮件地址，或系统未设置发信服务器。请联系管理员。",
        "This mailbox has no e-mail address, or no mail server is set up. Ask an administrator.",
    ),
    "mail_no_account": Sentence(
        409,
        "收到这封邮件的地址已从“设置 › 邮件地址”中删除，无法收入队列。可以查看或丢弃它。",
        "The address it came to was removed from Settings › Mail addresses, so it cannot wait in a queue. Read it here, or discard it.",
    ),
    "mail_recipients": Sentence(
        422,
        "收件人不是邮件地址，或多于 20 个。请检查地址，多个地址用逗号隔开。",
        "A recipient is no e-mail address, or there are more than 20. Check the addresses; separate several by commas.",
    ),
    "mail_damaged": Sentence(
        409,
        "这封邮件的文件已损坏，无法打开。请在邮箱服务器上查看原件，并告知管理员。",
        "The file of this mail is damaged. Look at the original on the mail server, and tell an administrator.",
    ),
    "mail_key_missing": Sentence(
        409,
        "邮件完好，但缺少打开它的密钥 {key}。请管理员把该密钥文件放回密钥目录。",
        "The mail is whole, but the key that opens it is missing: {key}. Have an administrator put its file back into the keys.",
    ),
    "unknown_queue": Sentence(422, "没有这个队列。请从列表中选择。", "There is no such queue. Choose one from the list."),
    # calls
    "wrong_state": Sentence(
        409, "当前状态不允许此操作。请查看最新状态后重试。", "This cannot be done in the present state. Look at the state and try again."
    ),
    "agent_unreachable": Sentence(
        409, "对方未签入或电话不在线。请另选他人。", "That agent is not signed in, or no telephone of his answers. Choose somebody else."
    ),
    "agent_busy": Sentence(409, "对方正忙。请另选他人或稍后重试。", "That agent is busy. Choose somebody else, or try again shortly."),
    "no_telephone": Sentence(
        409,
        "您的电话不在线。请打开座席页面或注册话机后重试。",
        "No telephone of yours answers. Open your desk or register your desk phone, then try again.",
    ),
    "own_telephone_busy": Sentence(
        409,
        "您自己的电话正忙。请先结束自己的通话和话后处理，或退出会议，然后重试。",
        "Your own telephone is busy. End your own call and its wrap-up, or leave your conference, then try again.",
    ),
    "bad_number": Sentence(422, "这不是电话号码。请检查后重拨。", "That is not a telephone number. Check it and dial again."),
    "number_not_allowed": Sentence(
        403,
        "您没有拨打这类号码的权限。如确有需要，请联系管理员。",
        "You may not call numbers of this class. Ask an administrator if you need to.",
    ),
    "too_many_speakers": Sentence(
        409,
        "会议中最多 {most} 人发言。请先让一位发言者改为听众，再同意此人发言。",
        "At most {most} people speak in a conference. Make one of the speakers a listener first, then let this one speak.",
    ),
    "conference_full": Sentence(
        409,
        "会议室最多 {most} 人，已满。请等有人离开，或请管理员扩大会议室。",
        "The room takes {most} people and is full. Wait until somebody leaves, or have an administrator make the room larger.",
    ),
    "bad_keys": Sentence(422, "只能发送 0-9、*、#、A-D。", "Only 0-9, *, # and A-D can be sent."),
    "unknown_entry": Sentence(
        422, "没有这个流程入口，可能已停用。请重新选择。", "There is no such way into a flow; it may have been withdrawn. Choose again."
    ),
    "not_beside": Sentence(
        422,
        "客户进入这个流程后不会返回，不能等待。请改为转出。",
        "A customer does not come back from there, so you cannot wait. Hand the customer over for good.",
    ),
    "unknown_value": Sentence(
        422,
        "这个流程入口不接收这样的数据。请只填写所列的项，每项最多 200 字。",
        "That way in takes no such data. Fill in what is listed, 200 characters each.",
    ),
    "unknown_prompt": Sentence(422, "没有这个提示音。请从列表中选择。", "There is no such prompt. Choose one from the list."),
    "unknown_fax": Sentence(422, "没有这份传真文件。请从列表中选择。", "There is no such fax document. Choose one from the list."),
    "unknown_reason": Sentence(422, "没有这个未就绪原因。请从列表中选择。", "There is no such reason. Choose one from the list."),
    "unknown_code": Sentence(422, "没有这个小结代码。请从列表中选择。", "There is no such wrap-up code. Choose one from the list."),
    "number_not_offered": Sentence(
        404, "这个号码不提供网页呼叫。请从列表中选择。", "This number cannot be called from the web. Choose one from the list."
    ),
    "not_banned": Sentence(409, "该来源已不在封禁中。请刷新列表。", "This source is not banned any more. Load the list again."),
    # what is away
    "switch_unavailable": Sentence(
        503,
        "交换机暂时没有应答，封禁未解除。请几秒后重试。",
        "The switch does not answer at the moment; the ban stays. Try again in a few seconds.",
    ),
    "core_unavailable": Sentence(
        503,
        "呼叫核心暂时没有应答。通话不受影响，请几秒后重试。",
        "The call core does not answer at the moment. Calls go on; try again in a few seconds.",
    ),
    "web_unavailable": Sentence(
        503, "应用服务正在启动。通话不受影响，请几秒后重试。", "The application is being started. Calls go on; try again in a few seconds."
    ),
    "database_unavailable": Sentence(
        503, "数据库暂时不可用。通话不受影响，请稍后重试。", "The database is away at the moment. Calls go on; try again shortly."
    ),
    "bus_unavailable": Sentence(
        503,
        "内部消息服务暂时不可用。正在进行的通话不受影响，请稍后重试。",
        "The message service is away at the moment. Talks go on; try again shortly.",
    ),
    "busy": Sentence(503, "系统繁忙。请稍后重试。", "The system is busy. Try again shortly."),
    "fault": Sentence(
        500,
        "呼叫核心处理此操作时出错，已记录。请查看最新状态后重试；若仍出现，请告知管理员。",
        "The call core failed at this and logged it. Look at the present state and try again; if it stays, tell an administrator.",
    ),
    "internal": Sentence(
        500,
        "系统内部错误，已记录（编号 {incident}）。请重试；若仍出现，请把编号告诉管理员。",
        "Something went wrong and was logged (incident {incident}). Try again; if it stays, give the number to an administrator.",
    ),
}

_OTHER = Sentence(409, "操作被拒绝（{code}）。请查看最新状态后重试。", "Refused ({code}). Look at the present state and try again.")


def sentence(code: str) -> Sentence:
    """The sentence of ``code``; a general one for a code that only a newer part knows."""
    return SENTENCES.get(code, _OTHER)
