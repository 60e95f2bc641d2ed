"""The plain files beside the systems: feedback, surveys, products, campaigns, costs, points and staff."""

import polars as pl

from analysis.samples.shop.exports import FIRST_STAFF, at
from analysis.samples.shop.parameters import CAMPAIGNS, DAYS, to_date, yuan
from analysis.samples.shop.service import CATEGORIES, KINDS
from analysis.samples.shop.words import products, words

_EXCEL, _DAY, _PLAIN = "%Y/%-m/%-d %-H:%M", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"


def feedback_file(feedback: pl.DataFrame) -> pl.DataFrame:
    """Feedback as a spreadsheet saves it; what was not answered by the last day is still open."""
    end = at(pl.lit(DAYS), pl.lit(0))
    told = at("day", "second")
    answered = told + pl.duration(seconds="response_seconds")
    closed = answered + pl.duration(seconds="handling_seconds")
    impossible = (pl.col("reason") == "date_impossible").fill_null(False)
    seen, done = (answered < end) & ~impossible, (closed < end) & ~impossible
    told = pl.when(impossible).then(pl.datetime(1900, 1, 1)).otherwise(told)
    departments = words()["feedback"]["handling"]["departments"]
    return feedback.select(
        反馈编号=pl.format("FK{}", (pl.int_range(pl.len()) + 1).cast(pl.String).str.zfill(6)),
        客户编号="customer_id",
        反馈时间=told.dt.strftime(_EXCEL),
        反馈类型=pl.col("kind").replace_strict(KINDS),
        问题分类=pl.col("category").replace_strict(CATEGORIES),
        订单编号="order",
        责任部门=pl.col("category").replace_strict(departments),
        处理状态=pl.when(done)
        .then(pl.lit("已关闭"))
        .when(seen)
        .then(pl.lit("处理中"))
        .otherwise(pl.lit("待处理")),
        首次响应时间=pl.when(seen).then(answered.dt.strftime(_EXCEL)),
        完成时间=pl.when(done).then(closed.dt.strftime(_EXCEL)),
        是否回访=_yes_no(done & pl.col("followed_up")),
        处理结果=pl.when(done).then("result"),
        反馈内容="text",
    )


def survey_file(answers: pl.DataFrame) -> pl.DataFrame:
    """Survey answers in the long form; an invitation without answer is a row without score."""
    return answers.sort("response", maintain_order=True).select(
        答卷编号=pl.format("DJ{}", pl.col("response").cast(pl.String).str.zfill(5)),
        客户编号="customer_id",
        调查时间=to_date(pl.col("day")).dt.strftime("%Y/%-m/%-d"),
        问卷="survey",
        调查方式="mode",
        题目="item",
        得分="score",
        满分="scale_max",
        文字回答="text",
        是否邀请=pl.lit("是"),
        流失原因="exit_reason",
    )


def product_file() -> pl.DataFrame:
    """The catalogue."""
    return products().select(
        产品编码="product_id",
        产品名称="product_name",
        品类="category",
        档次="tier",
        成本单价=yuan(pl.col("unit_cost")),
        标价=yuan(pl.col("list_price")),
        是否服务=_yes_no(pl.col("is_service")),
    )


def campaign_file() -> pl.DataFrame:
    """The campaigns; who took part stands in the responses."""
    rows = [
        (
            one.campaign_id,
            one.name,
            one.channel,
            one.sent_on.isoformat(),
            one.last_day.isoformat(),
            one.cost,
            f"近{one.reach_days}天购买过",
            one.offer,
        )
        for one in CAMPAIGNS
    ]
    headings = [
        "活动编号",
        "活动名称",
        "渠道",
        "开始日期",
        "结束日期",
        "费用",
        "目标人群",
        "优惠内容",
    ]
    return pl.DataFrame(rows, schema=headings, orient="row")


def response_file(responses: pl.DataFrame) -> pl.DataFrame:
    """Who took part; nothing was sent to the control group."""
    sent = at("day", pl.lit(36_000))
    seen = sent + pl.duration(seconds="delay")
    group = pl.when("treated").then(pl.lit("实验组")).otherwise(pl.lit("对照组"))
    return responses.select(
        活动编号="campaign_id",
        客户编号="customer_id",
        分组=group,
        发送时间=pl.when("treated").then(sent.dt.strftime(_PLAIN)),
        打开时间=pl.when(pl.col("opened_on").is_not_null()).then(seen.dt.strftime(_PLAIN)),
        点击时间=pl.when(pl.col("clicked_on").is_not_null()).then(
            (seen + pl.duration(seconds=90)).dt.strftime(_PLAIN)
        ),
        转化时间=at("converted_on", "second").dt.strftime(_PLAIN),
        带来金额=yuan(pl.col("revenue")),
    )


def cost_file(costs: pl.DataFrame) -> pl.DataFrame:
    """Costs of each customer and month."""
    return costs.select(
        客户编号="customer_id",
        月份=pl.col("month").dt.strftime(_DAY),
        费用类型="kind",
        金额=yuan(pl.col("amount")),
    )


def loyalty_file(moved: pl.DataFrame) -> pl.DataFrame:
    """Movements of points."""
    return moved.select(
        客户编号="customer_id",
        变动时间=at("day", "second").dt.strftime(_PLAIN),
        变动类型="kind",
        积分="points",
        订单编号="order",
    )


def relation_file(relations: pl.DataFrame) -> pl.DataFrame:
    """Who recommended us to whom."""
    return relations.select(
        客户编号="from_id",
        关联客户="to_id",
        关系类型=pl.lit("推荐"),
        开始日期=to_date(pl.col("day")).dt.strftime(_DAY),
    )


def staff_file() -> pl.DataFrame:
    """The staff; a few were trained during the time of the data."""
    staff = words()["staff"]
    return pl.DataFrame(
        {
            "员工编号": [str(FIRST_STAFF + place) for place in range(len(staff["names"]))],
            "姓名": staff["names"],
            "部门": staff["teams"],
            "培训日期": [day or None for day in staff["trained"]],
        }
    )


def _yes_no(flag: pl.Expr) -> pl.Expr:
    return pl.when(flag).then(pl.lit("是")).otherwise(pl.lit("否"))
