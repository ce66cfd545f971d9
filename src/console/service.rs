//! The consoles of services: what people call them, and where they are.

/// Where a service's console is, whether it is the same for all regions, and what else people call it.
pub(super) struct Service {
    /// Below the console's address.
    pub(super) path: &'static str,
    /// It is one for all regions, at the address without one.
    pub(super) is_global: bool,
    /// Its names, the one of the AWS CLI first.
    names: &'static [&'static str],
}

const fn regional(path: &'static str, names: &'static [&'static str]) -> Service {
    Service { path, is_global: false, names }
}

const fn global(path: &'static str, names: &'static [&'static str]) -> Service {
    Service { path, is_global: true, names }
}

/// Those that are called otherwise than their path, or are global. Every other name is the path itself: `NAME/home`.
const SERVICES: [Service; 34] = [
    regional("apigateway/main/apis", &["apigateway", "apigw"]),
    regional("cloudformation/home", &["cloudformation", "cfn"]),
    regional("cloudtrailv2/home", &["cloudtrail"]),
    regional("cloudwatch/home", &["cloudwatch", "cw", "monitoring"]),
    regional("cloudwatch/home#logsV2:log-groups", &["logs", "cwlogs"]),
    regional("codesuite/codebuild/home", &["codebuild"]),
    regional("codesuite/codecommit/home", &["codecommit"]),
    regional("codesuite/codedeploy/home", &["codedeploy"]),
    regional("codesuite/codepipeline/home", &["codepipeline"]),
    regional("cognito/v2/home", &["cognito", "cognito-idp"]),
    regional("dynamodbv2/home", &["dynamodb", "ddb"]),
    regional("ec2/home#AutoScalingGroups:", &["autoscaling", "asg"]),
    regional("ec2/home#LoadBalancers:", &["elbv2", "elb", "alb", "nlb"]),
    regional("ecr/repositories", &["ecr"]),
    regional("ecs/v2/home", &["ecs"]),
    regional("efs/home", &["efs", "elasticfilesystem"]),
    regional("events/home", &["events", "eventbridge"]),
    regional("aos/home", &["opensearch", "es", "elasticsearch"]),
    regional("redshiftv2/home", &["redshift"]),
    regional("secretsmanager/home", &["secretsmanager", "secrets"]),
    regional("singlesignon/home", &["sso", "sso-admin", "identitycenter"]),
    regional("sns/v3/home", &["sns"]),
    regional("sqs/v3/home", &["sqs"]),
    regional("states/home", &["stepfunctions", "sfn"]),
    regional("systems-manager/home", &["ssm", "systemsmanager"]),
    regional("systems-manager/parameters", &["parameters", "parameterstore"]),
    regional("vpcconsole/home", &["vpc"]),
    regional("wafv2/homev2", &["wafv2", "waf"]),
    global("billing/home", &["billing", "bills"]),
    global("cloudfront/v4/home", &["cloudfront", "cf"]),
    global("costmanagement/home", &["ce", "costexplorer", "costs"]),
    global("iam/home", &["iam"]),
    global("organizations/v2/home", &["organizations", "orgs"]),
    global("route53/v2/home", &["route53", "r53"]),
];

/// Some of those that are called as their path is, which people open most.
const PLAIN: [&str; 6] = ["ec2", "eks", "kms", "lambda", "rds", "s3"];

/// The name of each service that is offered; others are understood, too.
pub const OFFERED: &[&str] = &{
    let mut names = [""; SERVICES.len() + PLAIN.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = if place < SERVICES.len() { SERVICES[place].names[0] } else { PLAIN[place - SERVICES.len()] };
        place += 1;
    }
    names
};

/// The service of this name, where it is in the table.
pub(super) fn known(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.names.contains(&name))
}

/// Whether this may be a service's name: letters, digits and dashes. Anything else could lead elsewhere.
pub(super) fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_two_services() {
        let names: Vec<&str> = SERVICES.iter().flat_map(|service| service.names).copied().collect();
        for (index, name) in names.iter().enumerate() {
            assert!(is_name(name) && !names[..index].contains(name), "{name}");
        }
        for name in PLAIN {
            assert!(is_name(name) && !names.contains(&name), "{name}");
        }
    }
}
