"""Who may hear a recording: by its contact, or because it is of a conference.

Agents hear those of conferences in which they were, or which they had recorded; supervisors those in which an agent of their teams was;
with ``contacts.all`` everything of one's sites. Whose contact was in a conference finds its recording with that contact, too.
"""

from __future__ import annotations

from yitong.domains.quality.store.contacts import VISIBLE

_THERE = """
f.conference_id is not null and f.site_id = any(cast(:sites as uuid[])) and (:all
  or exists (select 1 from conference_agents g join agents a on (a.tenant_id, a.id) = (g.tenant_id, g.agent_id)
             where (g.tenant_id, g.conference_id) = (f.tenant_id, f.conference_id)
               and (a.id = cast(:agent as uuid) or a.team_id = any(cast(:teams as uuid[])))))
"""
MAY_HEAR = f"(({VISIBLE}) or ({_THERE}))"
"""Of ``recording_files f`` with a left join to ``contacts c``; parameters as ``contacts.who`` gives them."""
