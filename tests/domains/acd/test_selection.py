"""Who is next, for whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yitong.domains.acd.model.candidates import Free, Policy, Waiting, unfit
from yitong.domains.acd.rules.selection import STRATEGIES, Match, choose, order_key, position, score


def waiting(contact: str, queue: str = "q", arrival: int = 0, **more: object) -> Waiting:
    return Waiting(contact=contact, queue=queue, virtual_arrival=arrival, due_at=arrival + 20, **more)  # type: ignore[arg-type]


def free(agent: str, idle: int = 0, answered: int = 0, **skills: int) -> Free:
    return Free(agent=agent, skills=skills or {"a": 1}, idle_since=idle, answered_today=answered)


PLAIN = {"q": Policy(queue="q")}


def chosen(match: Match | None) -> tuple[str, str]:
    assert match is not None
    return match.contact, match.agent


def test_nobody_free_or_nobody_waiting_is_no_match() -> None:
    assert choose([waiting("c")], [], PLAIN, 0) is None
    assert choose([], [free("x")], PLAIN, 0) is None


def test_the_first_who_came_gets_the_longest_idle() -> None:
    contacts = [waiting("late", arrival=9), waiting("early", arrival=3)]
    assert chosen(choose(contacts, [free("x", 5), free("y", 2)], PLAIN, 10)) == ("early", "y")


def test_the_order_is_priority_then_objective_then_arrival() -> None:
    contacts = [
        Waiting(contact="c", queue="q", virtual_arrival=1, due_at=50), Waiting(contact="b", queue="q", virtual_arrival=2, due_at=40),
        Waiting(contact="a", queue="q", virtual_arrival=3, due_at=90, priority=1),
        Waiting(contact="d", queue="q", virtual_arrival=9, due_at=99, front=True),
    ]  # fmt: skip
    assert [contact.contact for contact in sorted(contacts, key=order_key)] == ["d", "a", "b", "c"]
    assert position(contacts[0], contacts) == 4


def test_a_contact_whom_nobody_may_take_holds_up_nobody() -> None:
    policies = {"hard": Policy(queue="hard", requirement={"french": 4}), "q": Policy(queue="q")}
    match = choose([waiting("first", "hard", 0, priority=9), waiting("second", "q", 5)], [free("x", french=3)], policies, 10)
    assert chosen(match) == ("second", "x")
    assert match is not None
    assert match.decision.passed_over == 1


def test_skills_have_minimum_levels_and_members_are_a_closed_list() -> None:
    policy = Policy(queue="q", requirement={"french": 4}, members={"x": 1})
    assert unfit("x", {"french": 3}, policy) == "skill"
    assert unfit("x", {"french": 4}, policy) == ""
    assert unfit("y", {"french": 5}, policy) == "not_member"


@pytest.mark.parametrize(
    ("strategy", "expected"), [("longest_idle", "x"), ("sequential", "y"), ("even", "z"), ("most_skilled", "y")]
)
def test_strategies(strategy: str, expected: str) -> None:
    agents = [free("x", 1, 5, a=1), free("y", 2, 4, a=9), free("z", 3, 0, a=2)]
    policy = Policy(queue="q", requirement={"a": 1}, members={"x": 3, "y": 1, "z": 2}, strategy=strategy)
    assert chosen(choose([waiting("c")], agents, {"q": policy}, 0)) == ("c", expected)


def test_random_is_drawn_from_the_contact_so_that_it_can_be_replayed() -> None:
    agents = [free(name) for name in "uvwxyz"]
    policy = {"q": Policy(queue="q", strategy="random")}
    drawn = [chosen(choose([waiting(f"c{number}")], agents, policy, 0))[1] for number in range(60)]
    assert drawn == [chosen(choose([waiting(f"c{number}")], list(reversed(agents)), policy, 0))[1] for number in range(60)]
    assert len(set(drawn)) == 6


def test_who_had_it_rests_from_it() -> None:
    contact = waiting("c", not_to={"x": 30})
    assert chosen(choose([contact], [free("x", 1), free("y", 9)], PLAIN, 29)) == ("c", "y")
    assert choose([contact], [free("x", 1)], PLAIN, 29) is None
    assert chosen(choose([contact], [free("x", 1)], PLAIN, 30)) == ("c", "x")


def test_the_explanation_names_candidates_scores_and_refusals() -> None:
    policy = {"q": Policy(queue="q", requirement={"a": 2})}
    match = choose([waiting("c", not_to={"z": 99})], [free("x", 7, a=2), free("y", 3, a=1), free("z", 1, a=5)], policy, 10)
    assert match is not None
    assert [(one.agent, one.score) for one in match.decision.candidates] == [("x", [7.0])]
    assert match.decision.refusals == {"skill": 1, "had_it": 1}


def test_a_tie_goes_to_the_longest_idle() -> None:
    policy = Policy(queue="q", strategy="even")
    assert score(free("x", 3, 2), policy, "c") > score(free("y", 1, 2), policy, "c")


SKILLS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 5))
NAMES = st.sampled_from("xyz")
CONTACT = st.builds(
    Waiting, contact=st.uuids().map(str), queue=st.sampled_from("qrs"), virtual_arrival=st.integers(0, 50), due_at=st.integers(0, 90),
    priority=st.integers(0, 2), front=st.booleans(), not_to=st.dictionaries(NAMES, st.integers(0, 20)),
)  # fmt: skip
WAITING = st.lists(CONTACT, max_size=8)
AGENT = st.builds(Free, agent=NAMES, skills=SKILLS, idle_since=st.integers(0, 9))
FREE = st.lists(AGENT, max_size=3, unique_by=lambda one: one.agent)
STRATEGY = st.sampled_from(sorted(STRATEGIES))
MEMBERS = st.dictionaries(NAMES, st.integers(0, 3))
POLICIES = st.fixed_dictionaries({
    key: st.builds(Policy, queue=st.just(key), requirement=SKILLS, members=MEMBERS, strategy=STRATEGY) for key in "qrs"
})  # fmt: skip


@given(contacts=WAITING, agents=FREE, policies=POLICIES)
def test_no_eligible_pair_is_left_and_the_first_in_order_is_served(
    contacts: list[Waiting], agents: list[Free], policies: dict[str, Policy]
) -> None:
    now = 10

    def fits(contact: Waiting, agent: Free) -> bool:
        return not unfit(agent.agent, agent.skills, policies[contact.queue]) and contact.not_to.get(agent.agent, 0) <= now

    left, there = list(contacts), list(agents)
    while (match := choose(left, there, policies, now)) is not None:
        pairs = [(contact, agent) for contact in left for agent in there if fits(contact, agent)]
        contact = next(one for one in left if one.contact == match.contact)
        assert contact == min((pair[0] for pair in pairs), key=order_key)
        assert any(pair == (contact, agent) for pair in pairs for agent in there if agent.agent == match.agent)
        left.remove(contact)
        there = [agent for agent in there if agent.agent != match.agent]
    assert not any(fits(contact, agent) for contact in left for agent in there)
