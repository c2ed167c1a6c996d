"""Invent people: names of many languages, jobs, and the attributes a provider would send about them."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..directory import clock, provider_traits

if TYPE_CHECKING:
    from collections.abc import Iterator

# Given and family names by language. "native/latin" where the script is not Latin.
_CULTURES = [
    line.split(" | ")
    for line in """
Ines Tomasz Grace Oliver Amelia Henry Ruth Owen Harriet Miles Nora Felix Clara Arthur | Okafor Brandt Whitlock Farrow Ashdown Penrose Hargreave Thornley Merrick Lockwood Tansley Wexford
Astrid Sigrid Bjørn Håkon Ingrid Søren Åse Jørgen Maja Öyvind | Lund Nygård Sørensen Åkerblad Bjørnstad Østby Solheim Kvist Ekström Hauge
Zoë Léa Théo Élodie Camille Hélène Jérôme Maëlle | Lefèvre Beauchêne Garçon Périgord Vasseur Fontanel Délisle Marchais
Lucía Íñigo Sofía Joaquín Inés Álvaro Begoña Núria | Ibáñez Quiñones Peñalba Cortázar Muñiz Arévalo Zúñiga Ferrán
João Conceição Tomé Luísa Gonçalo Beatriz | Magalhães Simões Brandão Assunção Leitão Falcão
Jürgen Anneliese Götz Käthe Lukas Frieda | Weißmann Müllrose Köhlbrand Grünewald Steinhäuser Vogelsang
Łukasz Małgorzata Zbigniew Agnieszka Świętosława Paweł | Dąbek Wójtowski Żurawik Kępiński Śliwa Łęcka
Çağla Işıl Ömer Gülşen Emre Ayşe | Yıldırım Şahin Öztürkmen Güneşli Çelebi Aydınlı
Nguyệt Thảo Đức Hưng Linh Quỳnh | Nguyễn Trần Đặng Phạm Huỳnh Vương
Chidi Ngozi Amara Kwame Abena Tunde Zola Thandiwe | Adeyemi Nwosu Mensah Boateng Dlamini Okonjo Abara Sefu
Aroha Tāne Mere Wiremu Leilani Kai | Ngata Paraone Tūhoe Kahale Ruatapu Kealoha
Анна/Anna Дмитрий/Dmitriy Ольга/Olga Сергей/Sergey Наталья/Natalya | Соколова/Sokolova Волков/Volkov Лебедев/Lebedev Морозова/Morozova Зимин/Zimin
Ελένη/Eleni Γιώργος/Giorgos Δήμητρα/Dimitra Νίκος/Nikos | Παππάς/Pappas Καραλής/Karalis Ζαφείρη/Zafeiri Μελάς/Melas
ليلى/Layla يوسف/Yusuf مريم/Maryam عمر/Omar | الحداد/AlHaddad منصور/Mansour السالمي/AlSalmi خوري/Khoury
נועה/Noa איתי/Itay תמר/Tamar יונתן/Yonatan | שפירא/Shapira אלון/Alon ברקאי/Barkai גולן/Golan
आरव/Aarav प्रिया/Priya विकास/Vikas मीरा/Meera | शर्मा/Sharma अय्यर/Iyer देशमुख/Deshmukh बनर्जी/Banerjee
伟/Wei 静/Jing 明/Ming 秀英/Xiuying | 王/Wang 李/Li 陈/Chen 欧阳/Ouyang
さくら/Sakura 健太/Kenta 美咲/Misaki 翔/Sho | 佐藤/Sato 高橋/Takahashi 渡辺/Watanabe 小野寺/Onodera
지우/Jiwoo 민준/Minjun 서연/Seoyeon 하은/Haeun | 김/Kim 박/Park 최/Choi 남궁/Namgung
สมชาย/Somchai มาลี/Malee กมล/Kamon | ศรีสุข/Srisuk ทองดี/Thongdee วงศ์ใหญ่/Wongyai
""".strip().splitlines()  # noqa: E501 (one language a line)
]
_NATIVE_SHARE = 0.5  # of the people whose script is not Latin, those entered in it
_UNCOMPOSED = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ß": "ss", "đ": "d", "Đ": "D", "ı": "i", "æ": "ae", "Æ": "Ae"}
)

LOCATIONS = {
    "Bergen": ("4 Quay Road", "Vestland", "5003", "NO", "+47 55 00 01 {:02d}"),
    "Rotterdam": ("71 Lighthouse Lane", "Zuid-Holland", "3011", "NL", "+31 10 000 01{:02d}"),
    "Lisboa": ("9 Rua do Farol", "Lisboa", "1100-001", "PT", "+351 210 000 1{:02d}"),
    "Toronto": ("250 Harbour Street", "Ontario", "M5V 0A1", "CA", "+1 416 555 01{:02d}"),
    "Osaka": ("1-2-3 Minato", "Osaka", "552-0001", "JP", "+81 6 0000 01{:02d}"),
}
JOBS = {
    "Engineering": ["Software Engineer", "Site Reliability Engineer", "Data Engineer", "Engineering Manager"],
    "R&D": ["Research Scientist", "Lab Technician", "Prototype Engineer"],
    "Operations": ["Dispatcher", "Operations Analyst", "Shift Lead", "Port Coordinator"],
    "Sales": ["Account Executive", "Sales Engineer", "Regional Lead"],
    "Customer Care": ["Support Specialist", "Support Lead", "Onboarding Guide"],
    "Finance": ["Accountant", "Controller", "Payroll Specialist"],
    "People": ["Recruiter", "People Partner"],
    "Legal": ["Counsel", "Paralegal"],
}
DIVISIONS = {"Engineering": "Technology", "R&D": "Technology", "Operations": "Delivery", "Sales": "Markets"}
EMPLOYEE_TYPES = ["Full Time", "Full Time", "Full Time", "Full Time", "Part Time", "Contractor", "Apprentice"]
BADGES = ["amber", "teal", "violet", "slate"]


@dataclass(slots=True)
class Person:
    """Hold one invented employee, the same whatever provider speaks of them."""

    number: int
    first_name: str | None
    last_name: str | None
    local_part: str
    department: str
    job_title: str
    location: str
    employee_type: str
    started: int
    has_email: bool = True
    core: bool = True

    @property
    def display_name(self) -> str | None:
        """Both names, as far as there are any."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None


def latin(name: str) -> str:
    """Spell a name with the 26 letters, for an address."""
    plain = unicodedata.normalize("NFKD", name.translate(_UNCOMPOSED)).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalnum())


def _pool(words: str) -> list[tuple[str, str, str]]:
    split = [word.partition("/") for word in words.split()]
    return [(native, roman or native, latin(roman or native)) for native, _, roman in split]


_POOLS = [(_pool(given), _pool(family)) for given, family in _CULTURES]
_WEIGHTED = [pools for pools in _POOLS[:11] for _ in range(3)] + _POOLS[11:]  # most names are Latin

# (first, last, local part, has an address): what a loader meets sooner or later
_UNUSUAL: list[tuple[str | None, str | None, str, bool]] = [
    ("Siobhán", "O'Rafferty", "siobhan.orafferty", True),
    ("Anne-Marie", "Vane-Tempest", "am.vane", True),
    ("Sukarjo", None, "sukarjo", True),
    (None, "Ngawang", "ngawang", True),
    (None, None, "kiosk-07", True),
    ("Temporary", "Account", "temp-4711", False),
    ("Hubert Blaine Maximilian Theodore", "Wolfeschlegel-Oberndorff-Steinhausen-Bergersdorff von Hohenhausen",
     "hw", True),
    ("María de los Ángeles", "Quiñones y Cortázar de la Fuente", "maria.quinones", True),
    ("Mr. <b>Bold</b>", "$5 & Sons", "bold", True),
    ("李", "小龍女", "lxl", True),
    (None, None, "badge-reader", False),
    ("=SUM(A1)", "O’Neill 😀", "sum.oneill", True),
]  # fmt: skip


def invent(rng: random.Random, count: int, *, core: int, started_before: int) -> Iterator[Person]:
    """Invent ``count`` people; the first ``core`` have unusual ones among them and fuller records."""
    taken: dict[str, int] = {}
    departments, locations = list(JOBS), list(LOCATIONS)
    draw = rng.random
    for number in range(count):
        first, last, local, has_email = _name(rng, number, core)
        seen = taken.get(local, 0)
        taken[local] = seen + 1
        department = departments[int(draw() ** 1.4 * len(departments))]
        jobs = JOBS[department]
        yield Person(
            number=number,
            first_name=first,
            last_name=last,
            local_part=f"{local}{seen + 1}" if seen else local,
            department=department,
            job_title=jobs[int(draw() * len(jobs))],
            location=locations[int(draw() ** 1.3 * len(locations))],
            employee_type=EMPLOYEE_TYPES[int(draw() * len(EMPLOYEE_TYPES))],
            started=started_before - int(draw() * 3000) * clock.DAY,
            has_email=has_email,
            core=number < core,
        )


def _name(rng: random.Random, number: int, core: int) -> tuple[str | None, str | None, str, bool]:
    if number < core and number % 9 == 7 and number // 9 < len(_UNUSUAL):
        return _UNUSUAL[number // 9]
    given, family = _WEIGHTED[int(rng.random() * len(_WEIGHTED))]
    first, last = given[int(rng.random() * len(given))], family[int(rng.random() * len(family))]
    shown = 0 if rng.random() < _NATIVE_SHARE else 1
    local = f"{first[2]}.{last[2]}" if number % 11 else f"{first[2][:1]}{last[2]}"
    return first[shown], last[shown], local, True


def attributes(
    person: Person, manager: tuple[Person, str] | None, email: str, company: Company
) -> dict[str, Any]:
    """Return ``custom_attributes`` as this company's provider supplies them."""
    boss, boss_idp_id = manager or (None, None)
    place = LOCATIONS[person.location]
    known: dict[str, Any] = {
        "addresses": _addresses(person, place) if person.core else None,
        "cost_center_name": f"CC-{1000 + 10 * list(JOBS).index(person.department)}"
        if person.number % 7
        else None,
        "department_name": person.department,
        "display_name": person.display_name,
        "division_name": DIVISIONS.get(person.department),
        "emails": [{"type": "work", "value": email, "primary": True}] if person.has_email else [],
        "employee_number": f"{person.number + 117:05d}",
        "employee_type": person.employee_type,
        "employment_start_date": clock.iso(person.started - person.started % clock.DAY),
        "job_title": person.job_title,
        "manager_email": f"{boss.local_part}@{company.domain}" if boss and boss.has_email else None,
        "manager_id": boss_idp_id,
        "manager_name": boss.display_name if boss else None,
        "organization": company.name,
        "phone_numbers": _phones(person, place) if person.core and person.number % 4 == 0 else None,
        "username": email,
    }
    for key in provider_traits.unsupported(company.directory_type):
        known[key] = None
    for key in company.switched_off:
        known.pop(key, None)
    return {**known, **_mapped(person, company)}


@dataclass(frozen=True, slots=True)
class Company:
    """Hold what a person's attributes depend on besides the person."""

    name: str
    domain: str
    directory_type: str
    switched_off: tuple[str, ...] = ()
    mapped: tuple[str, ...] = ()


def _mapped(person: Person, company: Company) -> dict[str, Any]:
    """Return the attributes this customer mapped by hand: any name, any JSON value."""
    number = person.number
    every: dict[str, Any] = {
        "badge_colour": BADGES[number % 4] if number % 5 else None,
        "workplace": {"building": person.location, "desk": {"floor": number % 6, "seat": f"{number % 40:02d}"}},
        "languages": ["en", "nb", "pt", "ja"][: number % 4],
        "on_call": number % 3 == 0,
        "fte": 1 if person.employee_type == "Full Time" else 0.6,
    }
    return {key: every[key] for key in company.mapped}


def _addresses(person: Person, place: tuple[str, ...]) -> list[dict[str, Any]]:
    street, region, postal_code, country, _ = place
    return [
        {
            "type": "work",
            "street_address": street,
            "locality": person.location,
            "region": region,
            "postal_code": postal_code,
            "country": country,
            "raw_address": f"{street}, {person.location}",
            "primary": True,
        }
    ]


def _phones(person: Person, place: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"value": place[4].format(person.number % 100), "display": None, "type": "work", "primary": True}]
