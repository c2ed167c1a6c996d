"""Files that admins export, in the forms that are documented or seen: invented people, real headers."""

from __future__ import annotations

import base64
import json

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.sandbox.seeding.exports import read_people, tables

# Lines of files are as long as they are.
# ruff: noqa: E501
GOOGLE = (
    "First Name [Required],Last Name [Required],Email Address [Required],Password [Required],"
    "Org Unit Path [Required],Status [READ ONLY],Last Sign In [READ ONLY],Employee ID,Employee Title,Manager Email,"
    "Department,Cost Center\n"
    "Ines,Okafor,ines@harbour.example,****,/Harbour,Active,2026/09/03 20:23:16,0412,Pilot,tomasz@harbour.example,Night,77\n"
    "Zoë,Brandt,zoe@harbour.example,****,/,Suspended,Never logged in,0413,,,,\n"
)
ENTRA = (
    "userPrincipalName,displayName,surname,mail,givenName,objectId,userType,jobTitle,department,accountEnabled,"
    "usageLocation,streetAddress,state,country,city,postalCode\n"
    "ines@harbour.example,Ines Okafor,Okafor,Ines@harbour.example,Ines,0a-1,Member,Pilot,Night,True,DE,Kai 1,HH,DE,Hamburg,20457\n"
    "zoe_fjord.example#EXT#@harbour.onmicrosoft.com,Zoë Brandt,Brandt,,Zoë,0a-2,Guest,,,False,,,,,,\n"
)
ENTRA_TEMPLATE = (
    "version:v1.0,,,,\n"
    "Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required,"
    "Block sign in (Yes/No) [accountEnabled] Required,First name [givenName]\n"
    "Example: Chris Green,chris@contoso.com,myPassword1234,No,Chris\n"
    "Ines Okafor,ines@harbour.example,secret,Yes,Ines\n"
)
M365 = (
    "Display name;User principal name;Object Id;First name;Last name;Title;Block credential;Proxy addresses\r\n"
    "Ines Okafor;ines@harbour.example;0a-1;Ines;Okafor;Pilot;FALSE;SMTP:ines@harbour.example+smtp:io@harbour.example\r\n"
)
OKTA_TEMPLATE = (
    "login,firstName,lastName,email,title,state,employeeNumber,managerId,cost_code\n"
    "ines@harbour.example,Ines,Okafor,ines@harbour.example,Pilot,HH,0412,tomasz@harbour.example,A7\n"
)
ROCKSTAR = (
    "User Id,Status,Username,First name,Last name,Primary email\n"
    "00u1,ACTIVE,ines@harbour.example,Ines,Okafor,ines@harbour.example\n"
    "00u2,DEPROVISIONED,zoe@harbour.example,Zoë,Brandt,zoe@harbour.example\n"
    "00u3,STAGED,new@harbour.example,New,Comer,new@harbour.example\n"
    "00u4,HIBERNATING,odd@harbour.example,Odd,Word,odd@harbour.example\n"
)
WORKDAY = "Worker_ID,First_Name,Last_Name,Work_Email,Worker_Status,Business_Title,Hire_Date\nW1,Ines,Okafor,ines@harbour.example,On Leave,Pilot,2021-02-01\n"
BAMBOO = "Employee #,First Name,Last Name,Job Title,Department,Status,Work Email,Reports To\n12,Ines,Okafor,Pilot,Night,Inactive,ines@harbour.example,Tomasz Brandt\n"
SFTP = "user_id,first_name,last_name,email,department_name\nu1,Ines,Okafor,ines@harbour.example,Night\n"
ADUSER = (
    '#TYPE Microsoft.ActiveDirectory.Management.ADUser\n"DistinguishedName","Enabled","GivenName","Name","ObjectGUID",'
    '"SamAccountName","Surname","UserPrincipalName"\n"CN=Okafor\\, Ines,DC=x","False","Ines","Okafor, Ines","g1","iok",'
    '"Okafor","ines@harbour.example"\n'
)
SCIM = json.dumps(
    {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 1,
        "Resources": [
            {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "id": "s1",
                "externalId": "00u1",
                "userName": "ines@harbour.example",
                "name": {"givenName": "Ines", "familyName": "Okafor"},
                "emails": [{"value": "io@harbour.example"}, {"value": "ines@harbour.example", "primary": True}],
                "active": "False",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                    "department": "Night",
                    "manager": {"value": "00u9", "displayName": "Tomasz Brandt"},
                },
            }
        ],
    }
)
LDIF = (
    "version: 1\n\ndn: cn=Ines,dc=x\nobjectClass: person\ncn: Ines Okafor\ngivenName: Ines\nsn: Oka\n for\n"
    f"mail: ines@harbour.example\ntitle:: {base64.b64encode('Lotsin für Nächte'.encode()).decode()}\n"
    "\ndn: cn=box,dc=x\nobjectClass: user\nobjectClass: computer\ncn: box\n"
)
HR = json.dumps(
    {
        "Report_Entry": [
            {
                "Employee_ID": "0412",
                "First_Name": "Ines",
                "Last_Name": "Okafor",
                "Status": "ACTIVE",
                "Work_Email": None,
            }
        ]
    }
)


@pytest.fixture
def save(tmp_path):
    def to_file(text, name="people.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return to_file


@pytest.mark.parametrize(
    ("text", "form", "key", "status"),
    [
        (GOOGLE, "Google Workspace users", "ines@harbour.example", "on"),
        (ENTRA, "Entra ID users", "0a-1", "on"),
        (ENTRA_TEMPLATE, "Entra ID bulk template", "ines@harbour.example", "off"),
        (M365, "Microsoft 365 users", "0a-1", "on"),
        (OKTA_TEMPLATE, "Okta import template", "ines@harbour.example", "on"),
        (ROCKSTAR, "Okta people", "00u1", "on"),
        (WORKDAY, "Workday report", "W1", "on"),
        (BAMBOO, "BambooHR employees", "ines@harbour.example", "off"),
        (SFTP, "WorkOS SFTP users", "u1", "on"),
        (ADUSER, "Active Directory users", "g1", "off"),
        (SCIM, "SCIM users", "00u1", "off"),
        (LDIF, "LDAP directory (LDIF)", "ines@harbour.example", "on"),
        (HR, "Workday report", "0412", "on"),
    ],
)
def test_a_form_is_recognised_and_its_person_read(save, text, form, key, status):
    path = save(text)
    found = read_people(path)
    assert found.forms[path.name] == form
    person = found.users[key]
    assert (person["first_name"], person["last_name"], person["status"]) == ("Ines", "Okafor", status)
    assert person["email"] is None or person["email"].casefold() == "ines@harbour.example"
    assert "secret" not in json.dumps(found.users)


def test_what_a_form_means_is_not_what_its_names_say(save):
    entra = read_people(save(ENTRA)).users
    assert entra["0a-1"]["custom_attributes"]["addresses"][0]["region"] == "HH"
    assert (entra["0a-2"]["email"], entra["0a-2"]["status"]) == ("zoe@fjord.example", "off")
    okta = read_people(save(OKTA_TEMPLATE)).users["ines@harbour.example"]
    assert okta["custom_attributes"]["addresses"][0]["region"] == "HH"
    assert okta["custom_attributes"]["employee_number"] == "0412"
    assert read_people(save(GOOGLE)).users["zoe@harbour.example"]["status"] == "off"
    assert (
        read_people(save(LDIF)).users["ines@harbour.example"]["custom_attributes"]["job_title"]
        == "Lotsin für Nächte"
    )
    scim = read_people(save(SCIM)).users["00u1"]["custom_attributes"]
    assert (scim["manager_id"], scim["department_name"]) == ("00u9", "Night")
    assert [entry["value"] for entry in scim["emails"]] == ["ines@harbour.example", "io@harbour.example"]


def test_words_and_columns_that_are_not_known_are_named(save):
    found = read_people(save(ROCKSTAR))
    assert {key: user["status"] for key, user in found.users.items()} == {
        "00u1": "on", "00u2": "off", "00u3": "not_yet", "00u4": "unknown",
    }  # fmt: skip
    assert "'HIBERNATING' (1)" in str(found)
    assert "cost_code" in str(read_people(save(OKTA_TEMPLATE)))
    assert "not understood" in str(read_people(save(OKTA_TEMPLATE)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_an_encoding_is_told_from_the_bytes(save, encoding):
    assert read_people(save(ROCKSTAR, encoding=encoding)).users["00u2"]["first_name"] == "Zoë"


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_a_separator_is_told_from_the_header_and_titles_above_it_are_passed_over(save, sign):
    text = (
        "Harbour Ferries\nActive and inactive\n\n" + ROCKSTAR.replace(",", sign) + "Grand Totals (4 records)\n"
    )
    assert len(read_people(save(text)).users) == 4


def test_members_of_group_files_are_joined_and_strangers_counted(save):
    people = save(GOOGLE)
    links = save(
        "Group Email [Required],Member Email,Member Type,Member Role\ncrew@harbour.example,INES@harbour.example,USER,MEMBER\n"
        "crew@harbour.example,gone@harbour.example,USER,MEMBER\n",
        "groups.csv",
    )
    found = read_people(people, links)
    assert found.members == {("ines@harbour.example", "crew@harbour.example")}
    assert "1 of its members are not among the people" in str(found)
    night = save(
        "Object ID,User principal name,Display name,Member type\n0a-1,ines@harbour.example,Ines,User\n",
        "Night Crew.csv",
    )
    named = read_people(save(ENTRA), night)
    assert (named.groups, named.members) == ({"Night Crew": "Night Crew"}, {("0a-1", "Night Crew")})


def test_rows_without_an_id_and_ids_of_two_people_are_refused_by_number(save):
    text = SFTP + ",No,Body,,\nu1,Some,Body,else@harbour.example,\n"
    found = read_people(save(text))
    assert [(number, why.split(",")[0]) for _, number, why in found.refused] == [
        (3, "it has no id"), (4, "the id 'u1' is there already"),
    ]  # fmt: skip


def test_columns_can_be_given_and_slips_in_them_are_refused(save):
    path = save("Kennung,Wer,Post\n7,Ines Okafor,ines@harbour.example\n")
    with pytest.raises(ValueError, match="no column is known"):
        read_people(path)
    found = read_people(path, columns={"Kennung": "idp_id", "Wer": "display_name", "Post": "email"})
    assert (found.users["7"]["last_name"], found.users["7"]["email"]) == ("Okafor", "ines@harbour.example")
    with pytest.raises(ValueError, match="which the file has not"):
        read_people(path, columns={"Kenung": "idp_id"})
    with pytest.raises(ValueError, match="knows no field"):
        read_people(path, columns={"Kennung": "idpid"})


def test_a_frame_will_do_and_its_whole_numbers_stay_whole():
    frame = pd.DataFrame({"employee_id": [124.0, None], "work_email": ["a@x.example", "b@x.example"]})
    assert list(read_people(frame).users) == ["124", "b@x.example"]


HEAD, ADA, ZOE = (
    "User Id,Status,Username,First name,Last name,Primary email\n",
    "00u1,ACTIVE,ada@acme.test,Ada,Lind,ada@acme.test\n",
    "00u2,ACTIVE,zoe@acme.test,Zoë,Brandt,zoe@acme.test\n",
)
BOTH = HEAD + ADA + ZOE
QUOTED = "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in BOTH.strip().split("\n"))

UNDERSTOOD = {
    "UTF-8 with a BOM": (BOTH.encode("utf-8-sig"), ""),
    "UTF-16": (BOTH.encode("utf-16"), ""),
    "UTF-16 without a BOM": (BOTH.encode("utf-16-be"), ""),
    "UTF-32": (BOTH.encode("utf-32"), ""),
    "Windows-1252": (BOTH.encode("cp1252"), "not UTF-8 and read as Windows-1252: line 3; right if 'Zoë' is"),
    "two encodings": ((HEAD + ZOE).encode() + ADA.replace("Ada", "Adé").encode("cp1252"), "Windows-1252: line 3;"),
    "semicolons": (BOTH.replace(",", ";").encode(), ""),
    "tabs": (BOTH.replace(",", "\t").encode(), ""),
    "bars": (BOTH.replace(",", "|").encode(), ""),
    "a stated separator": (b"sep=;\n" + BOTH.replace(",", ";").encode(), ""),
    "quotes": (QUOTED.encode(), ""),
    "a quote in a cell": (BOTH.replace("Lind", 'Li"nd').encode(), ""),
    "a line end in a cell": (BOTH.replace("Lind", '"Li\nnd"').encode(), ""),
    "old Mac's line ends": (BOTH.replace("\n", "\r").encode(), ""),
    "a header that comes again": ((HEAD + ADA + HEAD + ZOE).encode(), ""),
    "a column that comes again": (
        BOTH.replace("\n", ",x\n").replace("email,x", "email,Primary email").encode(), "left out: Primary email",
    ),
    "a row that comes again": ((BOTH + ADA).encode(), ""),
    "short rows": ((HEAD + ADA + "00u2,ACTIVE,zoe@acme.test,Zoë\n").encode(), "the missing ones blank: row 3"),
    "trailing separators": (BOTH.replace("\n", ",,\n").encode(), ""),
    "NULs": (BOTH.replace("Lind", "Li\0nd").encode(), "NUL characters were left out, in line 2"),
    "a row too long": (
        (BOTH + "00u3,ACTIVE,x@acme.test,X,Y,x@acme.test,z\n").encode(),
        "row 4: not taken, it has 7 cells for 6 columns",
    ),
    "a row without an id": ((BOTH + ",ACTIVE,,No,Body,\n").encode(), "row 4: not taken, it has no id"),
    "an id of two people": (
        (BOTH + "00u1,ACTIVE,x@acme.test,X,Y,x@acme.test\n").encode(),
        "row 4: not taken, the id '00u1' is there already",
    ),
    "objects line by line": (
        b'{"id": "00u1", "email": "ada@acme.test"}\n{"id": "00u2", "email": "zoe@acme.test"}', "",
    ),
    "one page of many": (
        b'{"totalResults": 9, "Resources": [{"id": "00u1", "userName": "a"}, {"id": "00u2"}]}',
        "is one page of more (9 in all)",
    ),
    "German headers": (
        "Benutzerprinzipalname;Anzeigename;Objekt-ID\nada;Ada Lind;00u1\nzoe;Zoë B;00u2\n".encode(), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_a_file_that_is_odd_is_understood_and_what_is_left_out_is_told_with_its_row(save, name):
    data, words = UNDERSTOOD[name]
    found = read_people(save(data))
    assert set(found.users) == {"00u1", "00u2"}
    assert words in str(found)
    assert words or not found.notices


REFUSED = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n", "is empty"),
    "a header alone": (HEAD.encode(), "there are no rows"),
    "no header": ((ADA + ZOE).encode(), "no column has an id, a user name or an address"),
    "unknown columns": (b"a,b\n1,2\n", "no column is known; give columns= .a, b."),
    "a workbook": (b"PK\x03\x04rest", "people.csv is a workbook or a zip, whatever its name says"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + b"\0" * 400, "is a workbook"),
    "a PDF": (b"%PDF-1.7\n", "is a PDF"),
    "a compressed file": (b"\x1f\x8b\x08\0rest", "is a compressed file"),
    "a web page": (b"<html><table>", "web page"),
    "zeros": (b"\0" * 900, "holds no text"),
    "bytes": (bytes(range(256)) * 4, "holds no text"),
    "a quote never closed": (BOTH.replace(",Lind", ',"Lind').encode(), "opened in row 2 is not closed"),
    "a cell without end": ((HEAD + "x" * (2**24 + 9)).encode(), "row 2: field larger than"),
    "broken JSON": (b"{broken", "not JSON"),
    "deep JSON": (b"[" * 100_000, "not JSON"),
    "JSON of something else": (b'{"a": 1}', "no list of people"),
    "JSON without people": (b'["a"]', "there are no rows"),
    "groups alone": (b"Group Email [Required],Member Email\nc@acme.test,a@acme.test\n", "groups and no people"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_file_is_named_in_a_sentence(save, name):
    data, words = REFUSED[name]
    with pytest.raises(ValueError, match=words) as refused:
        read_people(save(data))
    assert len(str(refused.value)) < 500


def test_of_several_files_one_that_is_wrong_ends_all_and_what_was_not_taken_is_told(save, capsys, monkeypatch):
    monkeypatch.setattr("dirsync_nb.load.progress.is_interactive", lambda: True)
    fine = save(BOTH + ",ACTIVE,,No,Body,\n", "fine.csv")
    with pytest.raises(errors.ArgumentError, match="wrong.csv is a workbook"):
        ds.connect_sandbox(people=[fine, save(b"PK\x03\x04", "wrong.csv")])
    ds.connect_sandbox(people=fine).sandbox.stop()
    assert "fine.csv, row 4: not taken, it has no id" in capsys.readouterr().err


PER_FORM = {
    # form: (file, its form, {key of a person: (address, state, attributes)})
    "Okta group membership report": (
        "Group,Group name,Okta user status,Okta username,User,User fullname\n00g1,Crew,SUSPENDED,mira@tern.test,00u1,Mira Vik\n",
        "Okta group membership report", {"mira@tern.test": ("mira@tern.test", "off", {"display_name": "Mira Vik"})},
    ),
    "Entra ID, another order, Excel in German": (
        "usageLocation;country;accountEnabled;displayName;id;userPrincipalName;userType;employeeId\nNO;Norway;WAHR;Mira Vik;a1;mira@tern.test;Member;0412\n"
        "NO;;FALSCH;Ole;a2;ole_x.test#EXT#@tern.onmicrosoft.com;Guest;\n",
        "Entra ID users",
        {"a1": ("mira@tern.test", "on", {"employee_number": "0412"}), "a2": ("ole@x.test", "off", {})},
    ),
    "Entra ID template in German": (
        "version:v1.0,,,\nName [displayName] *,Benutzername [userPrincipalName] *,Kennwort [passwordProfile] *,Anmeldung blockieren (Ja/Nein) [accountEnabled] *\n"
        "Mira Vik,mira@tern.test,geheim,Nein\nOle Vik,ole@tern.test,geheim,Ja\n",
        "Entra ID bulk template", {"mira@tern.test": ("mira@tern.test", "on", {}), "ole@tern.test": ("ole@tern.test", "off", {})},
    ),
    "Microsoft 365 in German": (
        "Benutzerprinzipalname;Anzeigename;Anmeldeinformationen blockieren;Proxy addresses\nm@tern.onmicrosoft.test;Mira Vik;Falsch;smtp:m@x.test+SMTP:mira@tern.test\n"
        "o@tern.test;Ole Vik;Wahr;\np@tern.test;Pia Vik;vielleicht;\n",
        "Microsoft 365 users",
        {"m@tern.onmicrosoft.test": ("mira@tern.test", "on", {}), "o@tern.test": ("o@tern.test", "off", {}), "p@tern.test": ("p@tern.test", "unknown", {})},
    ),
    "Microsoft 365, newer": (
        "Username,Display name,Sign-in status\nmira@tern.test,Mira Vik,Allowed\nole@tern.test,Ole Vik,Blocked\n",
        "Microsoft 365 users", {"mira@tern.test": ("mira@tern.test", "on", {}), "ole@tern.test": ("ole@tern.test", "off", {})},
    ),
    "Get-MgUser": (
        "AccountEnabled,DisplayName,EmployeeId,Id,Mail,Manager,MemberOf,UserPrincipalName,UserType\n"
        ",Mira Vik,0412,a1,mira@tern.test,Microsoft.Graph.PowerShell.Models.MicrosoftGraphDirectoryObject,System.String[],m@tern.test,\n",
        "Entra ID users", {"a1": ("mira@tern.test", "on", {"employee_number": "0412", "manager_name": None})},
    ),
    "GAM": (
        "primaryEmail,name.givenName,name.familyName,suspended,archived,externalIds.0.value,relations.0.value\nmira@tern.test,Mira,Vik,True,False,0412,ole@tern.test\n",
        "GAM users", {"mira@tern.test": ("mira@tern.test", "off", {"employee_number": "0412", "manager_email": "ole@tern.test"})},
    ),
    "Google's API": (
        json.dumps({"kind": "admin#directory#users", "users": [{
            "id": "1", "primaryEmail": "mira@tern.test", "suspended": False, "orgUnitPath": "/", "aliases": ["m@tern.test"],
            "externalIds": [{"value": "x", "type": "custom"}, {"value": "0412", "type": "organization"}],
        }]}),
        "Google Workspace users", {"1": ("mira@tern.test", "on", {"employee_number": "0412"})},
    ),
    "Workday, workers in one cell": (
        "Everybody,,\n\nWorker,Employee_Number,Email_Address\nMira Vik (0412) (Terminated),0412,mira@tern.test\nOle Vik (0413) (On Leave),0413,ole@tern.test\n",
        "Workday report", {"0412": ("mira@tern.test", "off", {"display_name": "Mira Vik"}), "0413": ("ole@tern.test", "on", {})},
    ),
    "BambooHR, gone by either column, days first": (
        "First Name,Last Name,Job Title,Employee #,Employment Status,Status,Work Email,Hire Date\nMira,Vik,Net,1,Terminated,Active,mira@tern.test,13/02/2020\n"
        "Ole,Vik,Net,2,Full-Time,Active,ole@tern.test,01/02/2020\n",
        "BambooHR employees",
        {"mira@tern.test": ("mira@tern.test", "off", {"employment_start_date": "2020-02-13"}), "ole@tern.test": ("ole@tern.test", "on", {"employment_start_date": "2020-02-01"})},
    ),
    "Get-ADUser": (
        '"MemberOf","Manager","EmployeeID","SamAccountName","Enabled","UserPrincipalName","DistinguishedName","ObjectGUID"\n'
        '"Microsoft.ActiveDirectory.Management.ADPropertyValueCollection","CN=Ole Vik,DC=t","0412","mira","","mira@tern.test","CN=Mira,DC=t","g1"\n'
        '"","","","ole","False","ole@tern.test","CN=Ole Vik,DC=t","g2"\n',
        "Active Directory users",
        {"g1": ("mira@tern.test", "on", {"employee_number": "0412", "username": "mira@tern.test", "manager_name": "Ole Vik", "manager_id": "g2"}), "g2": ("ole@tern.test", "off", {})},
    ),
    "csvde": (
        'DN,objectClass,cn,mail,userAccountControl,sAMAccountName,memberOf,member\n"CN=Vik\\, Mira,DC=t",user,"Vik, Mira",mira@tern.test,66050,mira,"CN=Crew,DC=t;CN=Pilots,DC=t",\n'
        '"CN=box,DC=t",computer,box,,4096,box$,,\n"CN=Crew,DC=t",group,Crew,,,Crew,,"CN=Vik\\, Mira,DC=t"\n',
        "Active Directory (csvde, LDIF)", {"mira": ("mira@tern.test", "off", {})},
    ),
    "LDIF with lists and groups": (
        "dn: cn=Mira,dc=t\nobjectClass: top\nobjectClass: inetOrgPerson\ncn;lang-de: Mirea\ncn: Mira Vik\nmail: mira@tern.test\nmail: m@tern.test\n\n"
        "dn: cn=crew,dc=t\nobjectClass: groupOfNames\ncn: crew\nmember: cn=Mira,dc=t\n",
        "LDAP directory (LDIF)", {"mira@tern.test": ("mira@tern.test", "on", {"display_name": "Mira Vik"})},
    ),
    "a frame's start dates that nobody can tell": (
        "Employee ID,First Name,Last Name,Work Email,Hire Date\n1,Mira,Vik,mira@tern.test,03/04/2020\n1.23E+11,Ole,Vik,ole@tern.test,45306\n",
        "Workday report",
        {"1": ("mira@tern.test", "on", {"employment_start_date": "03/04/2020"}), "1.23E+11": ("ole@tern.test", "on", {"employment_start_date": "2024-01-15"})},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PER_FORM)
def test_what_a_form_s_words_dates_and_lists_say_is_understood(save, name):
    text, form, people = PER_FORM[name]
    path = save(text)
    found = read_people(path)
    assert found.forms[path.name] == form
    assert found.provider
    assert set(found.users) == set(people)
    for key, (email, status, attributes) in people.items():
        user = found.users[key]
        assert (user["email"], user["status"]) == (email, status)
        assert {one: user["custom_attributes"].get(one) for one in attributes} == attributes
    assert "geheim" not in str(found.users)
    assert not [group for group in found.groups.values() if group.startswith(("System", "Microsoft", "CN="))]


def test_members_that_are_groups_are_told_and_a_list_of_groups_has_no_members(save):
    people = save(ROCKSTAR)
    files = [
        save("Member type,User principal name,Object ID\nUser,ines@harbour.example,\nGroup,,g9\nServicePrincipal,,s1\n", "Crew.csv"),
        save("id,name,description,type\n00g7,Pilots,,OKTA_GROUP\n", "list.csv"),
        save("Member object ID or user principal name [memberObjectIdOrUpn] Required\nINES@harbour.example\n", "Night.csv"),
    ]  # fmt: skip
    found = read_people(people, files)
    assert found.groups == {"Crew": "Crew", "00g7": "Pilots", "Night": "Night"}
    assert found.members == {("00u1", "Crew"), ("00u1", "Night")}
    assert "Crew: 1 of its members are no people and left out: group" in found.notices
    with pytest.raises(ValueError, match=r"x.csv: no column names a person or a group \(foo, bar\)"):
        read_people(people, save("foo,bar\n1,2\n", "x.csv"))


def test_scim_groups_name_people_by_the_ids_of_the_server(save):
    groups = {
        "Resources": [{"id": "g9", "displayName": "Night Crew", "members": [{"value": "s1"}, {"value": "s7"}]}]
    }
    found = read_people([save(SCIM), save(json.dumps(groups), "groups.json")])
    assert (found.groups, found.members) == ({"g9": "Night Crew"}, {("00u1", "g9")})
    assert "Night Crew: 1 of its members are not among the people" in found.notices


@pytest.mark.parametrize("provider", ["okta scim v2.0", "azure scim v2.0", "gsuite directory", "workday"])
def test_a_sandbox_is_filled_with_ones_own_people(save, provider):
    people = save(
        ROCKSTAR.replace("Primary email", "Primary email,Groups").replace(
            "ines@harbour.example\n", "ines@harbour.example,Crew|Ops\n", 1
        )
    )
    client = ds.connect_sandbox(people=people, provider=provider, company="Harbour")
    try:
        directories = ds.load_directories(client)
        users = ds.load_users(client, directory_id=directories.index[0])
        members = ds.load_memberships(client, directory_id=directories.index[0], users=users)
        assert directories[["name", "type"]].to_numpy().tolist() == [["Harbour directory", provider]]
        assert users["idp_id"].tolist() == ["00u1", "00u4"]  # who is off, or not yet on, is not sent
        assert users["custom_attributes"].iloc[0]["username"] == "ines@harbour.example"
        assert members["user_id"].tolist() == [users.index[0]] * 2
    finally:
        client.sandbox.stop()


def test_what_cannot_be_is_told_before_a_sandbox_starts(save):
    with pytest.raises(errors.ArgumentError, match="cannot be read"):
        ds.connect_sandbox(people="nowhere.csv")
    with pytest.raises(errors.ArgumentError, match="provider must be one of"):
        ds.connect_sandbox(people=save(ROCKSTAR), provider="octa")
    found = ds.sandbox.read_people(save(ROCKSTAR))
    ds.connect_sandbox(people=found).sandbox.stop()
    assert "1 people are off at the provider and are not sent" in found.notices


WHOLE = {
    "google": GOOGLE, "entra": ENTRA, "entra template": ENTRA_TEMPLATE, "m365": M365, "okta template": OKTA_TEMPLATE,
    "rockstar": ROCKSTAR, "workday": WORKDAY, "bamboo": BAMBOO, "sftp": SFTP, "active directory": ADUSER, "scim": SCIM, "ldif": LDIF,
}  # fmt: skip


@pytest.mark.parametrize("form", WHOLE)
def test_each_form_goes_through_to_comparison_audit_and_chart(save, form):
    people = save(WHOLE[form], {"scim": "people.json", "ldif": "people.ldif"}.get(form, "people.csv"))
    client = ds.connect_sandbox(people=people, company="Harbour", inactive_policy="keep")
    users = ds.load_users(client, ds.load_directories(client))
    off = form in {
        "entra template",
        "bamboo",
        "active directory",
        "scim",
    }  # the one person is: none is ever sent
    assert (len(users) == 0) is off
    app = pd.DataFrame({"email": ["old@harbour.example"], "active": [True]})
    plan = ds.compare(users, app, on="email", active="active", guard=None)
    reachable = users[(users["state"] == "active") & users["address"].notna()]
    assert plan.counts["create"] == len(reachable)
    assert len(ds.audit.check_directory(users).users) == len(users)
    assert ds.charts.alt_text(ds.charts.plot_user_states(users))
    client.sandbox.stop()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("wide.csv", ",".join(f"c{n}" for n in range(300)) + ",email\n" + "a@b.test\n" * 100),
        ("keys.json", json.dumps([{f"k{n}": n, "email": f"p{n}@acme.test"} for n in range(200)])),
        ("keys.ldif", "".join(f"dn: cn={n}\nobjectClass: person\nk{n}: 1\n\n" for n in range(200))),
    ],
)
def test_a_small_file_that_makes_an_endless_table_is_refused(tmp_path, monkeypatch, name, text):
    """A row of a byte is as wide as the header, and a header is as wide as all keys together."""
    monkeypatch.setattr(tables, "MOST_CELLS", 20_000)
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{name} makes a table of .* cells: export fewer columns"):
        read_people(path)
