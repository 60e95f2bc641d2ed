"""Places: every form of a name gives the standard one; an unclear place is counted, never guessed."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some

from analysis.clean import places
from analysis.clean.places import COLUMNS, TIERS, clean_places, load_tiers
from analysis.run.errors import UserError

TABLE = pl.read_csv(
    Path(places.__file__).with_name("places.csv"), comment_prefix="#", infer_schema=False
)
PROVINCES = TABLE.filter(pl.col("city").is_null())
CITIES = TABLE.filter(pl.col("city").is_not_null())
DISTRICTS = (
    CITIES.drop_nulls("districts")
    .select(
        "province", "city", district=pl.col("districts").str.replace_all("/", "").str.split(" ")
    )
    .explode("district")
)
AMBIGUOUS, CONTRADICTING, UNKNOWN = "ambiguous_place", "contradicting_place", "unknown_place"


def asked(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")


def place(province=None, city=None, district=None, address=None) -> tuple:
    """Province, city, district and problem of one row."""
    row = clean_places(asked((province, city, district, address)))
    return row.drop("city_tier").row(0)


@pytest.mark.parametrize("column", ["province", "city", "district", "address"])
@pytest.mark.parametrize(
    "written",
    [
        "上海市",
        "上海",
        "SHANGHAI",
        "Shanghai",
        "shanghai shi",
        "Ｓｈａｎｇｈａｉ",
        "上海(Shanghai)",
    ],
)
def test_a_municipality_is_its_own_city_whatever_form_came(written, column):
    assert place(**{column: written}) == ("上海", "上海", None, None)


@pytest.mark.parametrize(
    ("written", "province"),
    [
        ("江苏省", "江苏"),
        ("Jiangsu Province", "江苏"),
        ("广西壮族自治区", "广西"),
        ("广西省", "广西"),
        ("Guangxi Zhuang Autonomous Region", "广西"),
        ("新疆", "新疆"),
        ("新疆维吾尔自治区", "新疆"),
        ("内蒙", "内蒙古"),
        ("Inner Mongolia", "内蒙古"),
        ("廣東省", "广东"),
        ("Shanxi", "山西"),
        ("Shaanxi", "陕西"),
        ("吉林", "吉林"),
        ("臺灣", "台湾"),
    ],
)
def test_a_province_gets_its_short_name_and_no_city(written, province):
    assert place(province=written) == (province, None, None, None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("苏州市", ("江苏", "苏州")),
        (" 苏 州 ", ("江苏", "苏州")),
        ("苏州(Suzhou)", ("江苏", "苏州")),
        ("Xi'an", ("陕西", "西安")),
        ("wuxishi", ("江苏", "无锡")),
        ("Lüliang City", ("山西", "吕梁")),
        ("Urumqi", ("新疆", "乌鲁木齐")),
        ("延边朝鲜族自治州", ("吉林", "延边")),
        ("延边州", ("吉林", "延边")),
        ("襄樊市", ("湖北", "襄阳")),
        ("江苏省苏州市", ("江苏", "苏州")),
        ("江苏/苏州", ("江苏", "苏州")),
        ("雄安新区", ("河北", "雄安")),
        ("天门市", ("湖北", "天门")),
        ("济源", ("河南", "济源")),
        ("琼海", ("海南", "琼海")),
        ("陵水黎族自治县", ("海南", "陵水")),
        ("神农架林区", ("湖北", "神农架")),
        ("Hong Kong SAR", ("香港", "香港")),
        ("吉林", ("吉林", "吉林")),
    ],
)
def test_a_city_alone_gives_its_province(written, expected):
    assert place(city=written) == (*expected, None, None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("浦东新区", ("上海", "上海", "浦东新区")),
        ("浦东", ("上海", "上海", "浦东新区")),
        ("临平区", ("浙江", "杭州", "临平区")),
        ("河西区", ("天津", "天津", "河西区")),
        ("昆山市", ("江苏", "苏州", "昆山市")),
        ("富阳市", ("浙江", "杭州", "富阳区")),  # as it was called until 2014
        ("大同县", ("山西", "大同", "大同县")),
        ("融水县", ("广西", "柳州", "融水苗族自治县")),
        ("闸北区", ("上海", "上海", "闸北区")),
        ("工业园区", (None, None, None)),
    ],
)
def test_a_district_alone_is_resolved_only_if_no_other_has_its_name(written, expected):
    assert place(district=written) == (*expected, None if expected[0] else UNKNOWN)


@pytest.mark.parametrize(
    "district",
    [
        *[
            "朝阳区",
            "鼓楼区",
            "新华区",
            "和平区",
            "南山区",
            "市中区",
            "城关区",
            "西湖区",
            "江北区",
            "海州区",
        ],
        *[
            "铁东区",
            "长安区",
            "白云区",
            "龙华区",
            "宝山区",
            "普陀区",
            "河东区",
            "通州区",
            "永定区",
            "东城区",
        ],
    ],
)
def test_a_district_of_several_cities_is_counted_as_ambiguous_and_never_guessed(district):
    assert place(district=district) == (None, None, district, AMBIGUOUS)
    assert place(address=f"{district}人民路1号") == (None, None, district, AMBIGUOUS)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"city": "长春", "district": "朝阳区"}, ("吉林", "长春", "朝阳区", None)),
        ({"province": "北京", "city": "朝阳"}, ("北京", "北京", "朝阳区", None)),
        ({"province": "辽宁", "city": "朝阳"}, ("辽宁", "朝阳", None, None)),
        ({"city": "朝阳"}, (None, None, None, AMBIGUOUS)),
        ({"province": "江苏", "district": "鼓楼区"}, ("江苏", None, "鼓楼区", AMBIGUOUS)),
        ({"province": "黑龙江", "district": "南山区"}, ("黑龙江", "鹤岗", "南山区", None)),
        ({"city": "Suzhou"}, (None, None, None, AMBIGUOUS)),
        ({"province": "Anhui", "city": "Suzhou"}, ("安徽", "宿州", None, None)),
        ({"province": "Jiangsu", "city": "Suzhou"}, ("江苏", "苏州", None, None)),
        ({"city": "海南"}, ("海南", None, None, None)),
        (
            {"province": "上海市", "city": "市辖区", "district": "徐汇区"},
            ("上海", "上海", "徐汇区", None),
        ),
        (
            {"province": "重庆", "city": "县", "district": "云阳县"},
            ("重庆", "重庆", "云阳县", None),
        ),
        (
            {"province": "湖北省", "city": "省直辖县级行政区划", "district": "天门市"},
            ("湖北", "天门", None, None),
        ),
        ({"province": "南京", "city": "鼓楼区"}, ("江苏", "南京", "鼓楼区", None)),
        ({"district": "桥东区"}, ("河北", None, "桥东区", AMBIGUOUS)),
        ({"district": "通州市"}, (None, None, "通州区", AMBIGUOUS)),
        ({"province": "辽宁", "district": "朝阳县"}, ("辽宁", "朝阳", "朝阳县", None)),
        ({"district": "容城县"}, ("河北", None, "容城县", AMBIGUOUS)),
        ({"city": "雄安", "district": "容城县"}, ("河北", "雄安", "容城县", None)),
        ({"city": "深圳", "address": "南山区科技园"}, ("广东", "深圳", "南山区", None)),
        ({"province": "江苏", "address": "人民路1号"}, ("江苏", None, None, None)),
        ({"province": "江苏", "city": "火星"}, ("江苏", None, None, UNKNOWN)),
        ({"city": "苏州", "district": "高新区"}, ("江苏", "苏州", None, None)),
        ({"city": "芜湖", "district": "新城区"}, ("安徽", "芜湖", None, None)),
        ({"city": "台北", "district": "大安区"}, ("台湾", "台北", None, None)),
        ({"city": "东莞", "district": "东城区"}, ("广东", "东莞", "东城区", None)),
        ({"province": "Atlantis"}, (None, None, None, UNKNOWN)),
        ({"city": "未知", "district": "-"}, (None, None, None, None)),
        ({}, (None, None, None, None)),
    ],
)
def test_columns_are_taken_together(row, expected):
    assert place(**row) == expected


@pytest.mark.parametrize(
    "row",
    [
        {"province": "广东", "city": "苏州"},
        {"province": "苏州", "city": "广东"},
        {"city": "苏州", "district": "朝阳区"},
        {"province": "北京", "district": "鼓楼区"},
        {"province": "辽宁", "district": "朝阳区"},
        {"city": "广州", "address": "北京市朝阳区建国路88号"},
    ],
)
def test_values_that_contradict_each_other_are_flagged_and_not_kept(row):
    assert place(**row) == (None, None, None, CONTRADICTING)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("江苏省苏州市工业园区星湖街328号", ("江苏", "苏州", None)),
        ("北京市朝阳区建国路88号", ("北京", "北京", "朝阳区")),
        ("北京朝阳区建国路", ("北京", "北京", "朝阳区")),
        ("中国上海市浦东新区世纪大道1号", ("上海", "上海", "浦东新区")),
        ("上海上海市浦东新区", ("上海", "上海", "浦东新区")),
        ("上海市市辖区徐汇区漕溪路", ("上海", "上海", "徐汇区")),
        ("上海浦东张江", ("上海", "上海", None)),
        ("广东深圳南山区科技园", ("广东", "深圳", "南山区")),
        ("广东省 / 深圳市 / 南山区", ("广东", "深圳", "南山区")),
        ("河北雄安新区容城县", ("河北", "雄安", "容城县")),
        ("湖北省天门市竟陵街道", ("湖北", "天门", None)),
        ("新疆维吾尔自治区乌鲁木齐市天山区", ("新疆", "乌鲁木齐", "天山区")),
        ("内蒙古呼和浩特市新城区", ("内蒙古", "呼和浩特", "新城区")),
        ("吉林省吉林市船营区", ("吉林", "吉林", "船营区")),
        ("姑苏区人民路1号", ("江苏", "苏州", "姑苏区")),
        ("昆山市花桥镇", ("江苏", "苏州", "昆山市")),
        ("河北唐山路南区建国路", ("河北", "唐山", "路南区")),
        ("江苏昆山", ("江苏", "苏州", "昆山市")),
        ("江苏昆山花桥镇", ("江苏", None, None)),
        ("215000 江苏苏州", ("江苏", "苏州", None)),
        ("中山市中山路12号", ("广东", "中山", None)),
        ("广东省中山大学", ("广东", None, None)),  # which is in 广州
        ("No.1 Nanjing East Road, Shanghai, China", ("上海", "上海", None)),
        ("Star Street 1, Suzhou, Jiangsu 215000, P.R. China", ("江苏", "苏州", None)),
    ],
)
def test_an_address_gives_the_place_it_begins_with(address, expected):
    assert place(address=address) == (*expected, None)


@pytest.mark.parametrize(
    "address",
    [
        *[
            "南京东路100号",
            "北京西路5号",
            "中山路12号",
            "中山八路",
            "上海浦东大道",
            "天津街",
            "南京大牌档",
        ],
        *[
            "中山市场3号",
            "和县小吃旁",
            "南京 东路100号",
            "新城区解放路",
            "某路1号",
            "Nanjing East Road 100",
            "Nanjing, Suzhou, Jiangsu",
        ],
    ],
)
def test_a_street_or_shop_named_after_a_city_says_nothing_of_it(address):
    assert place(address=address) == (None, None, None, UNKNOWN)
    assert place(city="上海", address=address) == ("上海", "上海", None, None)


def test_every_city_is_found_by_its_official_name():
    found = clean_places(CITIES.select(province=None, city="official", district=None, address=None))
    assert found.select("province", "city", "place_problem").equals(
        CITIES.select("province", "city", place_problem=pl.lit(None, pl.String))
    )


def test_every_district_is_found_beside_its_city_and_in_an_address():
    official = dict(PROVINCES.select("province", "official").iter_rows())
    city = CITIES.select("province", "city", "official")
    named = DISTRICTS.join(city, on=["province", "city"], how="left", maintain_order="left")
    columns = clean_places(
        named.select(province=None, city="city", district="district", address=None)
    )
    begins = pl.concat_str(pl.col("province").replace_strict(official), "official", "district")
    addresses = clean_places(named.select(province=None, city=None, district=None, address=begins))
    for found in (columns, addresses):
        assert found["place_problem"].null_count() == DISTRICTS.height
        assert found.select(DISTRICTS.columns).equals(DISTRICTS)


def test_the_table_has_the_provinces_and_the_333_prefectures_of_the_state():
    municipalities = ["北京", "天津", "上海", "重庆"]
    outside = ["香港", "澳门", "台湾"]
    other_provinces = ~pl.col("province").is_in([*municipalities, *outside])
    has_counties = {"河南": 1, "湖北": 4, "海南": 15, "新疆": 12}  # which it administers itself
    cities = CITIES.filter(other_provinces & (pl.col("city") != "雄安"))
    assert PROVINCES.height == 31 + 3
    assert cities.height == 333 + sum(has_counties.values())
    assert CITIES.select("province", "city").is_duplicated().sum() == 0
    assert DISTRICTS.is_duplicated().sum() == 0


NAMES = some.sampled_from(
    [
        *[None, "", "未知", "朝阳", "城区", "Suzhou", "Shanghai", "火星"],
        *TABLE["official"],
        *PROVINCES["province"],
        *CITIES["city"],
        *DISTRICTS["district"],
    ]
)
ADDRESSES = NAMES | some.tuples(NAMES, NAMES).map(lambda two: f"{two[0] or ''}{two[1] or ''}1号")
TRUE_PLACES = some.tuples(
    some.sampled_from(DISTRICTS.rows()), some.tuples(*[some.booleans()] * 3), ADDRESSES
).map(
    lambda drawn: (*(one if kept else None for one, kept in zip(*drawn[:2], strict=True)), drawn[2])
)


@given(some.lists(some.tuples(NAMES, NAMES, NAMES, ADDRESSES) | TRUE_PLACES, max_size=8))
def test_cleaning_places_twice_changes_nothing(rows):
    once = clean_places(asked(*rows))
    again = once.select("province", "city", "district", address=pl.lit(None, pl.String))
    assert clean_places(again).drop("place_problem").equals(once.drop("place_problem"))
    sure = once["place_problem"].is_null()
    with_address = again.with_columns(address=asked(*rows)["address"]).filter(sure)
    assert clean_places(with_address).equals(once.filter(sure))


def test_rows_keep_their_order_and_repeated_values():
    rows = [
        ("江苏", "苏州", None, None),
        (None, None, "朝阳区", None),
        ("江苏", "苏州", None, None),
    ]
    assert clean_places(asked(*rows))["city"].to_list() == ["苏州", None, "苏州"]


def test_columns_without_any_value_may_have_no_type():
    frame = pl.DataFrame(
        {"province": ["江苏"], "city": [None], "district": [None], "address": [None]}
    )
    assert clean_places(frame)["province"].to_list() == ["江苏"]


@pytest.mark.parametrize(
    ("city", "tier"),
    [
        ("北京", "first"),
        ("深圳市", "first"),
        ("Chengdu", "new_first"),
        ("昆山市", "new_first"),
        ("无锡", "other"),
        ("天门", "other"),
        ("江苏", None),
        ("火星", None),
        (None, None),
    ],
)
def test_a_city_has_the_tier_of_the_list_and_no_city_has_none(city, tier):
    assert clean_places(asked((None, city, None, None)))["city_tier"].to_list() == [tier]


def test_the_list_of_the_package_names_its_source_and_year():
    tiers = load_tiers()
    counts = dict(tiers.group_by("tier").len().iter_rows())
    assert counts == {"first": 4, "new_first": 15}
    assert tiers["list_year"].unique().to_list() == [2025]
    assert set(tiers["tier"]) <= set(TIERS)


def test_a_list_of_the_users_own_replaces_it(tmp_path):
    path = tmp_path / "tiers.csv"
    path.write_text(
        "# ours\nprovince,city,tier,list_name,list_year\n江苏省,无锡市,二线,Ours,2024\n",
        encoding="utf-8-sig",
    )
    tiers = load_tiers(path)
    assert tiers.rows() == [("江苏", "无锡", "second", "Ours", 2024)]
    found = clean_places(asked((None, "无锡", None, None), (None, "北京", None, None)), tiers)
    assert found["city_tier"].to_list() == ["second", "other"]


HEAD = "province,city,tier,list_name,list_year\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("", "cannot be read"),
        ("province,city,tier\n江苏,苏州,first\n", "list_name.*Needed is a CSV file in UTF-8"),
        (HEAD + "江苏,苏州,一线,Ours,2024\n江苏,苏州市,二线,Ours,2024\n", "苏州 stand in it twice"),
        (HEAD + "江苏,杭州,first,Ours,2024\n", "data row 1: 江苏, 杭州 is no known city"),
        (HEAD + "江苏,,first,Ours,2024\n", "data row 1: 江苏, None is no known city"),
        (HEAD + "江苏,昆山市,first,Ours,2024\n", "data row 1: 江苏, 昆山市 is no known city"),
        (HEAD + "江苏,苏州,best,Ours,2024\n", "'best' is no tier. Allowed are first"),
        (HEAD + "江苏,苏州,first,,2024\n", "data row 1: list_name and list_year"),
        (HEAD + "江苏,苏州,first,Ours,24\n", "data row 1: list_name and list_year"),
    ],
)
def test_a_bad_list_of_tiers_is_refused_in_words(tmp_path, content, message):
    path = tmp_path / "tiers.csv"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_tiers(path)
