"""People of a file arrive as their provider would send them: seeded and sent by hand they are the same."""

from __future__ import annotations

import io

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sandbox.directory import provider_traits
from dirsync_nb.sandbox.providers import polled
from dirsync_nb.sandbox.providers.base import Employee
from dirsync_nb.sandbox.providers.entra import EntraId
from dirsync_nb.sandbox.providers.okta import Okta
from dirsync_nb.sandbox.seeding.exports import read_people, world_of
from dirsync_nb.sandbox.seeding.exports.arrival import user_resource

# Lines of files are as long as they are.
# ruff: noqa: E501
INES = Employee(
    "00u8fj2kd9LmXw4T5e69", "ines@harbour.example", "Ines", "Okafor", title="Pilot", department="Night",
    manager="tomasz@harbour.example", number="0412",
)  # fmt: skip
OWN = ("id", "directory_id", "organization_id", "created_at", "updated_at")
OKTA = """User Id,Status,Username,First name,Last name,Primary email,Title,Department,Employee number,Manager Email
00u8fj2kd9LmXw4T5e69,ACTIVE,ines@harbour.example,Ines,Okafor,ines@harbour.example,Pilot,Night,0412,tomasz@harbour.example
"""
ENTRA = """userPrincipalName,displayName,surname,mail,givenName,objectId,userType,jobTitle,department,accountEnabled
ines@harbour.example,Ines Okafor,Okafor,ines@harbour.example,Ines,00u8fj2kd9LmXw4T5e69,,Pilot,Night,True
"""
GOOGLE = """First Name,Last Name,Email Address,Org Unit Path,Status,Employee ID,Employee Title,Department,Manager Email
Ines,Okafor,ines@harbour.example,/,Active,0412,Pilot,Night,tomasz@harbour.example
"""
WORKDAY = """Worker_ID,First_Name,Last_Name,Work_Email,Worker_Status,Business_Title,Department,Hire_Date,Group_Name
0412,Ines,Okafor,ines@harbour.example,Active,Pilot,Night,2024-02-01,Crew
"""


def read(text):
    return read_people(pd.read_csv(io.StringIO(text), dtype=str))


def seeded(text, provider, **options):
    with Sandbox(world=world_of(read(text), provider=provider), **options) as sandbox:
        return shown(sandbox, sandbox.truth.directories()[0]["id"])


def shown(sandbox, directory_id):
    """The users of a directory as the API shows them, without what is each one's own."""
    with ds.connect(sandbox.api_key, base_url=sandbox.url) as client:
        users = list(client.users(directory_id))
    return [{name: value for name, value in user.items() if name not in OWN} for user in users]


def directory(sandbox, kind):
    organization = sandbox.add_organization(name="Harbour", domains=["harbour.example"])
    return sandbox.add_directory(organization, type=kind, name="Harbour directory")


@pytest.mark.parametrize("team", ["new", "legacy"])
@pytest.mark.parametrize(
    ("text", "persona", "kind", "person"),
    [
        (OKTA, Okta, "okta scim v2.0", INES),
        (ENTRA, EntraId, "azure scim v2.0",
         Employee(INES.id, INES.email, "Ines", "Okafor", title="Pilot", department="Night")),
    ],
    ids=["Okta", "Entra ID"],
)  # fmt: skip
def test_seeded_and_sent_through_the_scim_door_are_the_same(text, persona, kind, person, team):
    with Sandbox(world="empty", team=team) as sandbox:
        home = directory(sandbox, kind)
        provider = persona(*sandbox.scim(home))
        provider.assign(person)
        by_hand = shown(sandbox, home)
        sent = provider.client.find("Users", "userName", person.email)
    assert seeded(text, kind, team=team) == by_hand
    assert (by_hand[0]["raw_attributes"] != {}) is (team == "legacy")
    with Sandbox(world=world_of(read(text), provider=kind), team=team) as sandbox:
        provider = persona(*sandbox.scim(sandbox.truth.directories()[0]["id"]))
        found = provider.client.find("Users", "userName", person.email)
    own = {"id", "meta", "schemas", "locale", "groups"}
    assert {name: found[name] for name in found.keys() - own} == {
        name: sent[name] for name in sent.keys() - own
    }


def test_entra_sends_no_address_without_a_mailbox_and_the_manager_as_an_id():
    text = ENTRA.replace("Okafor,ines@harbour.example", "Okafor,") + (
        "zoe_fjord.example#EXT#@harbour.onmicrosoft.com,Zoë Brandt,Brandt,,Zoë,0a-2,Guest,,,True\n"
    )
    ines, zoe = seeded(text, "azure scim v2.0")
    assert ines["email"] == "ines@harbour.example"  # the door takes a user name that is an address
    assert zoe["email"] == "zoe_fjord.example#EXT#@harbour.onmicrosoft.com"
    managed = OKTA.replace("Manager Email", "Manager Id").replace("tomasz@harbour.example", "00u1")
    entra, okta = (
        seeded(managed, kind)[0]["custom_attributes"] for kind in ("azure scim v2.0", "okta scim v2.0")
    )
    assert entra["manager_id"] == okta["manager_id"] == "00u1"


def test_seeded_and_polled_are_the_same():
    google = polled.GoogleWorkspace()
    key = provider_traits.user_idp_id("gsuite directory", 0)
    google.users[key] = {
        "email": INES.email, "first_name": "Ines", "last_name": "Okafor",
        "custom_attributes": {
            "department_name": "Night", "job_title": "Pilot", "manager_email": INES.manager, "username": INES.email,
            "display_name": "Ines Okafor", "emails": [{"type": "work", "value": INES.email, "primary": True}],
        },
    }  # fmt: skip
    row = {
        "employee_id": "0412", "first_name": "Ines", "last_name": "Okafor", "primary_work_email": INES.email,
        "job_title": "Pilot", "department_name": "Night", "group_name": "Crew",
        "employment_start_date": "2024-02-01T00:00:00.000Z",
    }  # fmt: skip
    for text, source, kind in (
        (GOOGLE, google, "gsuite directory"),
        (WORKDAY, polled.HrSystem([row]), "workday"),
        (WORKDAY.replace("Worker_ID", "employeeId"), polled.HrSystem([row]), "bamboohr"),
    ):
        with Sandbox(world="empty") as sandbox:
            home = directory(sandbox, kind)
            polled.poll(sandbox.store, sandbox.changes, home, source)
            by_poll = shown(sandbox, home)
        with_nulls = seeded(text, kind)
        assert filled(with_nulls) == filled(by_poll)
        never = provider_traits.unsupported(kind)
        assert all(with_nulls[0]["custom_attributes"][name] is None for name in never)  # there, and null


def filled(users):
    return [
        {**user, "custom_attributes": {n: v for n, v in user["custom_attributes"].items() if v is not None}}
        for user in users
    ]


def test_what_the_door_refuses_is_refused_and_who_has_no_address_waits():
    head, ines = OKTA.splitlines()
    rows = [
        ines,
        ines.replace("00u8fj2kd9LmXw4T5e69", "00u2").replace(
            "ines@harbour.example,Ines", "INES@harbour.example,Ines"
        ),
        ines.replace("00u8fj2kd9LmXw4T5e69", "00u3").replace("ines@harbour.example,Ines", "other,Ines"),
        "00u4,ACTIVE,bare,Bare,,,,,,",
        "00u5,ACTIVE,,No,Name,,,,,",
        "00u6,ACTIVE,alone@harbour.example,Alone,,alone@harbour.example,,,,",
    ]
    people = read("\n".join([head, *rows]))
    world = world_of(people, provider="okta scim v2.0")
    told = "\n".join(people.notices)
    assert (
        "the frame, row 2 (00u2): refused as the SCIM door refuses it: Another user has the userName 'INES@harbour.example'."
        in told
    )
    assert (
        "the frame, row 3 (00u3): refused as the SCIM door refuses it: Another active user has the e-mail 'ines@harbour"
        in told
    )
    assert "(00u5): refused as the SCIM door refuses it: Required attributes missing: userName" in told
    assert "1 people have no usable address and wait unseen, as at WorkOS: Required attributes missing" in told
    assert "1 people have no first or no last name" in told
    resources = [user_resource(one, one["idp_id"], "okta scim v2.0") for one in people.users.values()]
    verdicts = ds.audit.check_rows(resources, provider="okta scim v2.0").users["verdict"].tolist()
    assert verdicts == ["pass", "reject", "reject", "reject", "reject", "warning"]  # as the audit foretells it
    with Sandbox(world=world) as sandbox:
        home = sandbox.truth.directories()[0]["id"]
        assert [one["idp_id"] for one in sandbox.truth.users(home)] == [INES.id, "00u6"]
        assert [one["userName"] for one in sandbox.scim_report(home)["validating"]] == ["bare"]


def test_few_people_are_announced_and_an_audit_reads_them_like_any_others():
    client = ds.connect_sandbox(people=read(OKTA), company="Harbour")
    home = ds.load_directories(client).index[0]
    assert ds.load_events(client)["event"].tolist()[:2] == [
        "dsync.activated", "dsync.user.created",
    ]  # fmt: skip
    assert ds.load_users(client, directory_id=home)["role"].tolist() == ["member"]
    assert ds.audit.check_directory(ds.load_users(client, directory_id=home)).users["verdict"].tolist() == [
        "pass"
    ]
    client.sandbox.stop()


def test_columns_can_be_mapped_to_attributes_of_the_customers_own_and_ids_are_invented_where_there_are_none():
    people = read_people(
        pd.DataFrame({"login": ["ada@acme.test"], "firstName": ["Ada"], "lastName": ["Lind"], "email": ["ada@acme.test"],
                      "badge": ["amber"]}),
        columns={"badge": "custom_attributes.badge_colour"},
    )  # fmt: skip
    with Sandbox(world=world_of(people)) as sandbox:
        (ada,) = sandbox.truth.users(sandbox.truth.directories()[0]["id"])
    assert ada["custom_attributes"]["badge_colour"] == "amber"
    assert (ada["idp_id"][:3], len(ada["idp_id"])) == ("00u", 20)
    assert "1 people have no id in the file: invented ones in okta scim v2.0's form" in people.notices
